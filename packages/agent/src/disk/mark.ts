import type { DatabaseSync } from 'node:sqlite'

/** One durable value; on the disk when `write` returns, unless a transaction is open. */
export interface Mark {
  /** Undefined until one was written. */
  read(): string | undefined
  write(value: string): void
}

export function createMark(
  database: DatabaseSync,
  name: 'capabilities' | 'cursor' | 'endpoint' | 'reports_compared' | 'stun_servers',
): Mark {
  const select = database.prepare('SELECT value FROM marks WHERE name = ?')
  const upsert = database.prepare(
    'INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  )
  return {
    read() {
      const row = select.get(name)
      return row === undefined ? undefined : String(row.value)
    },
    write: (value) => void upsert.run(name, value),
  }
}
