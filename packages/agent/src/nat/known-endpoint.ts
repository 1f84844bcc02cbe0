import type { DatabaseSync } from 'node:sqlite'
import { createMark } from '../disk/mark.ts'
import type { DiscoveredEndpoint } from './rounds.ts'

/** What the last round found, of this daemon or of an earlier one: one that starts again need not guess what its NAT is. */
export interface KnownEndpoint {
  current(): DiscoveredEndpoint | undefined
  /** Holds from then on, also when it throws because the disk does not take it. */
  set(found: DiscoveredEndpoint): void
}

export function createKnownEndpoint(database: DatabaseSync): KnownEndpoint {
  const mark = createMark(database, 'endpoint')
  const saved = mark.read()
  let current: DiscoveredEndpoint | undefined = saved === undefined ? undefined : JSON.parse(saved)
  return {
    current: () => current,
    set(found) {
      current = found
      mark.write(JSON.stringify(found))
    },
  }
}
