import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where the packages keep the control plane. Who may not read there sees nothing of it. */
const packagedFolder = '/var/lib/plexd-control-plane'

/** The control plane of this machine and its first operator's token: for who has named no control plane, as root beside one of the packages. */
export function localControlPlane(folder = packagedFolder) {
  const socket = join(folder, 'admin.sock')
  if (!existsSync(socket)) return undefined
  const from = 'the control plane of this machine'
  return {
    server: { value: `unix://${socket}`, from },
    tokenFile: { value: join(folder, 'admin-token'), from },
  }
}
