import type { DatabaseSync } from 'node:sqlite'
import type { DiscoveredEndpoint } from './rounds.ts'

/** What the last round found, over restarts: so a daemon that starts again need not guess what its NAT is. */
export interface KnownEndpoint {
  read(): DiscoveredEndpoint | undefined
  write(found: DiscoveredEndpoint): void
}

export function createKnownEndpoint(database: DatabaseSync): KnownEndpoint {
  const select = database.prepare(`SELECT value FROM marks WHERE name = 'endpoint'`)
  const upsert = database.prepare(
    `INSERT INTO marks VALUES ('endpoint', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  )
  return {
    read() {
      const row = select.get()
      return row === undefined ? undefined : JSON.parse(String(row.value))
    },
    write: (found) => void upsert.run(JSON.stringify(found)),
  }
}
