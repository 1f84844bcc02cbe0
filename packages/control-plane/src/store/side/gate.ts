import { existsSync, renameSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { Log } from '@plexd/runtime'
import { openPrivateDatabase } from '../private-database.ts'
import { faultOf } from './fault.ts'
import { type Salvage, salvage } from './salvage.ts'
import { isSuspect, removeDatabase, setAside, trust } from './set-aside.ts'

export interface GateOptions {
  schema: string
  timeoutMs: number
  log: Pick<Log, 'warn'>
  /**
   * Puts right, in a database that has what could be saved of a damaged one, what follows from it. May return what is lost, in fields for the log.
   */
  mend?:
    | ((database: DatabaseSync, salvage: Salvage) => Record<string, unknown> | undefined)
    | undefined
}

/**
 * Before a side database is opened: one that is damaged is set aside, and a new one is in its place that has all that could be read of it. May be
 * interrupted at any moment; the next call goes on.
 */
export function passGate(path: string, options: GateOptions): void {
  const [unfinished, finished] = [`${path}.salvaging`, `${path}.salvaged`]
  removeDatabase(unfinished)
  if (existsSync(finished)) replace(path, finished)
  const { schema, timeoutMs, log } = options
  const fault = faultOf(path, { schema, timeoutMs, isSuspect: isSuspect(path) })
  if (fault !== undefined) {
    const lost = build(path, unfinished, options)
    renameSync(unfinished, finished)
    const moved = replace(path, finished)
    const message = 'a database was damaged: it is set aside, and what can be read of it goes on'
    log.warn(message, { path, moved, error: fault, ...lost })
  }
  trust(path)
}

/** A new database with what can be read of the damaged one, in a single file. */
function build(path: string, to: string, { schema, mend, timeoutMs }: GateOptions) {
  using database = openPrivateDatabase(to, timeoutMs)
  database.exec('pragma auto_vacuum = incremental')
  database.exec(schema)
  const saved = salvage(path, database)
  return { saved: saved.rows, ...mend?.(database, saved) }
}

function replace(path: string, by: string): string {
  const moved = setAside(path)
  renameSync(by, path)
  return moved
}
