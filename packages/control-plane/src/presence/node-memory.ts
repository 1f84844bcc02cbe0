import type { Clock, Log } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { createInstances } from './instances.ts'
import { createMoves } from './moves.ts'
import { createNodeNotes } from './notes.ts'
import { createPresence } from './presence.ts'

/** What is known of each node in memory only. */
export function createNodeMemory(
  { heartbeatIntervalMs, limits }: Config,
  { fleet, clock, log }: { fleet: Fleet; clock: Clock; log: Log },
) {
  const instances = createInstances({
    clock,
    heartbeatIntervalMs,
    onClone(no, { addresses }) {
      const { id, hostname } = fleet.nodeByNo(no) ?? {}
      log.warn('two machines have one identity: join one of them again with a new token', {
        node_id: id,
        hostname,
        addresses,
      })
    },
  })
  return {
    presence: createPresence(clock, { heartbeatIntervalMs }),
    moves: createMoves(limits, clock.monotonic),
    notes: createNodeNotes(fleet),
    instances,
  }
}
