import { ApiError, type Artifact, adminApi, signatureHeader } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import {
  type ArtifactName,
  checkArtifactName,
  type ReceivedArtifact,
} from '../../artifacts/store.ts'
import { handle } from '../../handle.ts'
import { readBody } from '../../http/bodies/read-body.ts'
import { judgeVersion } from '../../integrity/judge-version.ts'
import {
  deleteArtifact as deleteRow,
  insertArtifact,
  readArtifact,
  readArtifacts,
  type StoredArtifact,
  setArtifactSignature,
} from '../../rows/artifacts.ts'
import { timestamp } from '../wire/timestamps.ts'
import { checkVersion } from '../wire/versions.ts'

/**
 * With `X-Checksum-Sha256`, any other file is refused. An artifact name is immutable: uploading the
 * same file again succeeds, and may bring the signature that it has not had yet; another file or signature is 409. Only
 * nodes know whose signatures they trust, so it is stored unverified.
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
    const signature = readSignature(headers[signatureHeader])
    const { maxBodyBytes } = adminApi.putArtifact
    const expected = headers['x-checksum-sha256']
    await using file = await app.artifacts.receive(readBody(request, maxBodyBytes), {
      maxBytes: maxBodyBytes,
      ...(typeof expected === 'string' ? { expectedChecksum: expected } : {}),
    })
    const artifact = await app.artifacts.exclusive(() => keep(app, name, { file, signature }))
    await judgeVersion(app, version)
    return artifact
  },
)

/** An Ed25519 signature has 64 bytes. */
function readSignature(header: unknown): string | null {
  if (header === undefined) return null
  const text = String(header).trim()
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 64 && bytes.toString('base64') === text) return text
  throw new ApiError('bad_request', `${signatureHeader}: want 64 bytes in base64`)
}

async function keep(
  app: State & SideStores & Environment,
  name: ArtifactName,
  { file, signature }: { file: ReceivedArtifact; signature: string | null },
): Promise<Artifact> {
  const { size, checksum } = file
  const known = await readArtifact(app.store.reader, name)
  if (known) {
    const title = `plexd ${name.version} for ${name.os}/${name.arch}`
    if (known.checksum !== checksum) throw new ApiError('conflict', `${title} is another file`)
    const isSigned = signature === null || known.signature === signature
    if (!isSigned && known.signature !== null)
      throw new ApiError('conflict', `${title} has another signature: remove it first`)
    if (!(await isThere(app, name))) await file.keep(name)
    if (isSigned) return artifactView(known)
    await app.store.write((tx) => setArtifactSignature(tx, name, signature))
    return artifactView({ ...known, signature })
  }
  // The bytes first, then the row, so that everything listed can be downloaded.
  await file.keep(name)
  const artifact = { ...name, size, checksum, created_at: app.clock.now(), signature }
  await app.store.write((tx) => insertArtifact(tx, artifact))
  return artifactView(artifact)
}

/** Its bytes may be lost, or in a store that was in use before. */
async function isThere({ artifacts }: SideStores, name: ArtifactName): Promise<boolean> {
  const found = await artifacts.open(name)
  await found?.close()
  return found !== undefined
}

/** Oldest first. */
export const listArtifacts = handle(adminApi.listArtifacts, async (_call, { store }: State) => {
  const artifacts = await readArtifacts(store.reader)
  return { items: artifacts.map(artifactView) }
})

export const deleteArtifact = handle(
  adminApi.deleteArtifact,
  async ({ params: { version, os, arch } }, app: State & SideStores & Environment) => {
    const { artifacts, store } = app
    const name = { version, os, arch }
    checkArtifactName(name)
    await artifacts.exclusive(async () => {
      const known = await readArtifact(store.reader, name)
      const isDeleted = await store.write((tx) => deleteRow(tx, name))
      if (!known || !isDeleted)
        throw new ApiError('not_found', `there is no plexd ${version} for ${os}/${arch}`)
      await artifacts.remove(name, known.checksum)
    })
    await judgeVersion(app, version)
    return {}
  },
)

function artifactView(artifact: StoredArtifact): Artifact {
  return { ...artifact, created_at: timestamp(artifact.created_at) }
}
