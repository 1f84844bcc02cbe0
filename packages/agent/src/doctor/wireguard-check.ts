import { access } from 'node:fs/promises'
import { exec, type Finding, failed, findTool, ok } from '@plexd/runtime'
import { tunFault, tunRemedy } from '../wireguard/backend/tun.ts'

/** Whether this machine has a WireGuard, in the kernel or as wireguard-go. */
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

/** In a container the module may be loaded without being installed there. */
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
