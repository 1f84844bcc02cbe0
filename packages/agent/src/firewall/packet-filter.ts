import { describeError, type Log } from '@plexd/runtime'
import { loadWatchEnd } from '../process/process-end.ts'
import { type Backstop, createBackstop } from './backstop/backstop.ts'
import { type ChangeSocket, loadChangeSocket } from './changes/change-socket.ts'
import { loadGeneration } from './changes/generation.ts'
import { createOwnProcesses, type OwnProcesses } from './changes/own-processes.ts'
import type { Firewall } from './firewall.ts'
import { createNftables } from './nftables.ts'

/** This machine's packet filter, and the notification of changes by others. */
export interface PacketFilter {
  firewall: Firewall
  /** Drops what the firewall did not accept, even while that is missing. */
  backstop: Backstop
  /** Whose changes are ours. */
  ownProcesses: OwnProcesses
  /** Absent without notification of changes: then each check reads the table. */
  openChanges?: () => ChangeSocket
}

export async function openPacketFilter(log: Log): Promise<PacketFilter> {
  const ownProcesses = createOwnProcesses()
  const generation = await loadGeneration(log)
  const firewall = createNftables({ log, generation, onWrite: ownProcesses.add })
  try {
    const openChanges = await loadChangeSocket()
    const backstop = createBackstop(await loadWatchEnd())
    return { firewall, backstop, ownProcesses, openChanges }
  } catch (error) {
    log.warn('changes of the packet filter are seen at each reconciliation only', {
      error: describeError(error),
    })
    return { firewall, backstop: createBackstop(), ownProcesses }
  }
}
