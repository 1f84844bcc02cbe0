import { ApiError, adminApi, normalChecksum, type TrustedBuild } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { checkArtifactName } from '../../artifacts/store.ts'
import { handle } from '../../handle.ts'
import { judgeVersion } from '../../integrity/judge-version.ts'
import {
  type BuildName,
  deleteTrustedBuild,
  insertTrustedBuild,
  readTrustedBuild,
  readTrustedBuilds,
  type TrustedBuild as StoredBuild,
} from '../../rows/trusted-builds.ts'
import { timestamp } from '../wire/timestamps.ts'
import { checkVersion } from '../wire/versions.ts'

/** May be repeated. Nodes that run it are no mismatch any more when this answers. */
export const trustBuild = handle(
  adminApi.trustBuild,
  async ({ principal, body }, app: State & SideStores & Environment) => {
    const name = readName(body)
    const created_at = app.clock.now()
    const build = await app.store.write(async (tx) => {
      const known = await readTrustedBuild(tx, name)
      if (known) return known
      const added = { ...name, trusted_by: principal.name, created_at }
      await insertTrustedBuild(tx, added)
      return added
    })
    await judgeVersion(app, name.version)
    return trustedView(build)
  },
)

/** Oldest first. */
export const listTrustedBuilds = handle(
  adminApi.listTrustedBuilds,
  async (_call, { store }: State) => {
    const builds = await readTrustedBuilds(store.reader)
    return { items: builds.map(trustedView) }
  },
)

export const distrustBuild = handle(
  adminApi.distrustBuild,
  async ({ params }, app: State & SideStores & Environment) => {
    const name = readName(params)
    const isDeleted = await app.store.write((tx) => deleteTrustedBuild(tx, name))
    const { version, os, arch, checksum } = name
    if (!isDeleted)
      throw new ApiError(
        'not_found',
        `there is no trusted build "${checksum}" of plexd ${version} for ${os}/${arch}`,
      )
    await judgeVersion(app, version)
    return {}
  },
)

function readName({ version, os, arch, checksum }: BuildName): BuildName {
  checkArtifactName({ version, os, arch })
  checkVersion(version)
  const normal = normalChecksum(checksum)
  if (!/^sha256:[0-9a-f]{64}$/.test(normal))
    throw new ApiError(
      'bad_request',
      `checksum "${checksum}": want the SHA-256 of the file in hex, with or without "sha256:"`,
    )
  return { version, os, arch, checksum: normal }
}

function trustedView(build: StoredBuild): TrustedBuild {
  return { ...build, created_at: timestamp(build.created_at) }
}
