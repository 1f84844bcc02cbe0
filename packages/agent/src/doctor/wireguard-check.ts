import { access } from 'node:fs/promises'
import { exec, type Finding, failed, findTool, ok } from '@plexd/runtime'
import { tunFault, tunRemedy } from '../wireguard/backend/tun.ts'

/** Whether anything on this machine can move the packets of a mesh. */
export async function checkWireguard(): Promise<Finding> {
  if ((await findTool('wg')) === undefined)
    return failed('wg is missing', 'apt-get install wireguard-tools')
  if (await hasKernelWireguard()) return ok('by the kernel')
  if ((await findTool('wireguard-go')) === undefined)
    return failed(
      'neither the kernel nor wireguard-go moves packets',
      'apt-get install wireguard-go',
    )
  const fault = await tunFault()
  if (fault !== undefined)
    return failed(`this kernel has no WireGuard, and wireguard-go no way in: ${fault}`, tunRemedy)
  return ok('by wireguard-go: this kernel has no WireGuard')
}

/** In a container its module may be loaded, and none lie there to be loaded. */
export async function hasKernelWireguard(): Promise<boolean> {
  const [isLoaded, isThere] = await Promise.all([
    succeeds(access('/sys/module/wireguard')),
    succeeds(exec(['modinfo', 'wireguard'])),
  ])
  return isLoaded || isThere
}

function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  )
}
