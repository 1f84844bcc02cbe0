import { ApiError, type Artifact, adminApi } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { type ArtifactName, checkArtifactName, type ReceivedFile } from '../../artifacts/files.ts'
import { handle } from '../../handle.ts'
import { readBody } from '../../http/bodies/read-body.ts'
import {
  deleteArtifact as deleteRow,
  insertArtifact,
  readArtifact,
  readArtifacts,
  type StoredArtifact,
} from '../../rows/artifacts.ts'
import { timestamp } from '../wire/timestamps.ts'

/**
 * With `X-Checksum-Sha256`, any other file is refused. An artifact name is immutable: uploading the
 * same file again succeeds, another one is 409.
 */
export const putArtifact = handle(
  adminApi.putArtifact,
  async (
    { params: { version, os, arch }, headers, request },
    app: State & SideStores & Environment,
  ) => {
    const name = { version, os, arch }
    checkArtifactName(name)
    checkVersion(version)
    const { maxBodyBytes } = adminApi.putArtifact
    const expected = headers['x-checksum-sha256']
    const file = await app.artifacts.receive(readBody(request, maxBodyBytes), {
      maxBytes: maxBodyBytes,
      ...(typeof expected === 'string' ? { expectedChecksum: expected } : {}),
    })
    return app.artifacts.exclusive(() => keep(app, name, file))
  },
)

/** Must be a semantic version (semver.org, section 2), because it is compared with the versions that nodes report. */
function checkVersion(version: string): void {
  if (/^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]+)?$/.test(version)) return
  throw new ApiError(
    'bad_request',
    `version "${version}": want a version such as 1.5.0 or 1.5.0-rc.1, as "plexd version" prints it`,
  )
}

async function keep(
  app: State & Environment,
  name: ArtifactName,
  file: ReceivedFile,
): Promise<Artifact> {
  const { size, checksum } = file
  const known = await readArtifact(app.store.reader, name)
  if (known) {
    await file.discard()
    if (known.checksum === checksum) return artifactView(known)
    throw new ApiError(
      'conflict',
      `plexd ${name.version} for ${name.os}/${name.arch} is another file`,
    )
  }
  // The bytes first, then the row, so that everything listed can be downloaded.
  await file.keep(name)
  const artifact = { ...name, size, checksum, created_at: app.clock.now() }
  await app.store.write((tx) => insertArtifact(tx, artifact))
  return artifactView(artifact)
}

/** Oldest first. */
export const listArtifacts = handle(adminApi.listArtifacts, async (_call, { store }: State) => {
  const artifacts = await readArtifacts(store.reader)
  return { items: artifacts.map(artifactView) }
})

export const deleteArtifact = handle(
  adminApi.deleteArtifact,
  async ({ params: { version, os, arch } }, { artifacts, store }: State & SideStores) => {
    const name = { version, os, arch }
    checkArtifactName(name)
    await artifacts.exclusive(async () => {
      const isDeleted = await store.write((tx) => deleteRow(tx, name))
      if (!isDeleted)
        throw new ApiError('not_found', `there is no plexd ${version} for ${os}/${arch}`)
      await artifacts.remove(name)
    })
    return {}
  },
)

function artifactView(artifact: StoredArtifact): Artifact {
  return { ...artifact, created_at: timestamp(artifact.created_at) }
}
