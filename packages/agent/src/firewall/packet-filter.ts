import { describeError, type Log } from '@plexd/runtime'
import { type Backstop, createBackstop } from './backstop/backstop.ts'
import { type ChangeSocket, loadChangeSocket } from './changes/change-socket.ts'
import { createOwnProcesses, type OwnProcesses } from './changes/own-processes.ts'
import type { Firewall } from './firewall.ts'
import { createNftables } from './nftables.ts'

/** The packet filter of this machine, and the way to hear of changes that others make to it. */
export interface PacketFilter {
  firewall: Firewall
  /** Drops what the firewall did not let pass, also while it is not there. */
  backstop: Backstop
  /** Whose changes are ours. */
  ownProcesses: OwnProcesses
  /** Absent where nothing tells of changes: then every look has to read the table. */
  openChanges?: () => ChangeSocket
}

export async function openPacketFilter(log: Log): Promise<PacketFilter> {
  const ownProcesses = createOwnProcesses()
  const firewall = createNftables({ log, onWrite: ownProcesses.add })
  const backstop = createBackstop()
  try {
    return { firewall, backstop, ownProcesses, openChanges: await loadChangeSocket() }
  } catch (error) {
    log.warn('changes of the packet filter are seen at each reconciliation only', {
      error: describeError(error),
    })
    return { firewall, backstop, ownProcesses }
  }
}
