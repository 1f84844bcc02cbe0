import type { Log } from '@plexd/runtime'
import type { DeviceStep } from '../wireguard/device/device.ts'

/** For a whole mesh the first ones are enough. */
export const maxLoggedSteps = 20

/** What was done to the interface and its peers. */
export function logSteps(log: Log, steps: readonly DeviceStep[]): void {
  if (steps.length > maxLoggedSteps) log.info('mesh changed', { steps: steps.length })
  for (const step of steps.slice(0, maxLoggedSteps)) {
    if (step.type === 'interface_repaired') log.info('interface repaired', { detail: step.detail })
    else log.info('peer changed', { change: step.type, peer_id: peerIdOf(step) })
  }
}

function peerIdOf(step: Exclude<DeviceStep, { type: 'interface_repaired' }>): string {
  return step.type === 'peer_removed' ? step.peer_id : step.peer.id
}
