import type { DatabaseSync } from 'node:sqlite'
import { createMark } from '../disk/mark.ts'
import type { DiscoveredEndpoint } from './rounds.ts'

/** What the last round found, over restarts: so a daemon that starts again need not guess what its NAT is. */
export interface KnownEndpoint {
  read(): DiscoveredEndpoint | undefined
  write(found: DiscoveredEndpoint): void
}

export function createKnownEndpoint(database: DatabaseSync): KnownEndpoint {
  const mark = createMark(database, 'endpoint')
  return {
    read() {
      const found = mark.read()
      return found === undefined ? undefined : JSON.parse(found)
    },
    write: (found) => mark.write(JSON.stringify(found)),
  }
}
