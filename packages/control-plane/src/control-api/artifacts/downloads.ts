import { ApiError, controlApi } from '@plexd/protocol'
import type { SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readArtifactsOf } from '../../rows/artifacts.ts'
import { sendArtifact } from './send.ts'

export const downloadArtifact = handle(
  controlApi.downloadArtifact,
  async (call, app: State & SideStores) => {
    const { version, os, arch } = call.params
    return sendArtifact(app, { version, os, arch }, call)
  },
)

/**
 * The same binaries under the names that the install script uses; set
 * `PLEXD_ARTIFACT_URL=https://host:port/v1/artifacts/plexd-install` for it. Needs no token, because a new machine has none.
 */
export const downloadInstallFile = handle(
  controlApi.downloadInstallFile,
  async (call, app: State & SideStores) => {
    const { version, file } = call.params
    if (file === 'checksums.sha256') {
      call.reply.type('text/plain; charset=utf-8')
      return checksumsOf(app, version)
    }
    const [, os, arch] = /^plexd-([a-z0-9]+)-([A-Za-z0-9_]+)$/.exec(file) ?? []
    if (os === undefined || arch === undefined)
      throw new ApiError('not_found', `there is no file "${file}"`)
    return sendArtifact(app, { version, os, arch }, call)
  },
)

/** In the format of `sha256sum`. */
async function checksumsOf({ store }: State, version: string): Promise<string> {
  const artifacts = await readArtifactsOf(store.reader, version)
  if (artifacts.length === 0) throw new ApiError('not_found', `there is no plexd ${version}`)
  return artifacts
    .map(({ os, arch, checksum }) => `${checksum.replace(/^sha256:/, '')}  plexd-${os}-${arch}\n`)
    .join('')
}
