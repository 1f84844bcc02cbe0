import { existsSync, renameSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { diskFault, type Log } from '@plexd/runtime'
import { openPrivateDatabase } from '../private-database.ts'
import { type OnStep, type StartStep, stepMs } from '../start-step.ts'
import { faultOf } from './fault.ts'
import { type Salvage, salvage } from './salvage.ts'
import { isSuspect, removeDatabase, setAside, trust } from './set-aside.ts'

export interface GateOptions {
  schema: string
  timeoutMs: number
  log: Pick<Log, 'warn'>
  onStep?: OnStep | undefined
  /** Why what is in the rows of a sound file cannot be right; looked at in files that are suspect. */
  inspect?: ((database: DatabaseSync) => string | undefined) | undefined
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
  if (!existsSync(path)) create(path, unfinished, options)
  const { log, onStep } = options
  const isAllLookedAt = isSuspect(path)
  if (isAllLookedAt) onStep?.(stepOver(path, 'looking at all of'))
  const fault = faultOf(path, { ...options, isSuspect: isAllLookedAt })
  if (fault !== undefined) {
    onStep?.(stepOver(path, 'saving what can be read of'))
    const lost = build(path, unfinished, { ...options, fault })
    renameSync(unfinished, finished)
    const moved = replace(path, finished)
    const message = 'a database was damaged: it is set aside, and what can be read of it goes on'
    log.warn(message, { path, moved, error: fault, ...lost })
  }
  trust(path)
}

function stepOver(path: string, doing: string): StartStep {
  return { words: `${doing} "${path}"`, maxMs: stepMs(statSync(path).size) }
}

/** In one step, so that a file without a byte is one that has lost all, never one that was just about to begin. */
function create(path: string, unfinished: string, { schema, timeoutMs }: GateOptions): void {
  try {
    openEmpty(unfinished, { schema, timeoutMs }).close()
    removeDatabase(path) // a log without its file is of none
    renameSync(unfinished, path)
  } catch (error) {
    removeDatabase(unfinished)
    throw error
  }
}

function openEmpty(path: string, { schema, timeoutMs }: Pick<GateOptions, 'schema' | 'timeoutMs'>) {
  const database = openPrivateDatabase(path, timeoutMs)
  try {
    database.exec(`pragma auto_vacuum = incremental; ${schema}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** A new database with what can be read of the damaged one, in a single file; nothing of it is left if the disk does not take it. */
function build(path: string, to: string, { fault, ...options }: GateOptions & { fault: string }) {
  try {
    using database = openEmpty(to, options)
    const saved = salvage(path, database)
    return { saved: saved.rows, ...options.mend?.(database, saved) }
  } catch (error) {
    removeDatabase(to)
    const disk = diskFault(error)
    if (!disk) throw error
    throw new Error(
      `save what can be read of "${path}", which is damaged (${fault}): ${disk.reason}: ${disk.remedy}, as much as the file takes, and start again`,
      { cause: error },
    )
  }
}

/** The database may have been set aside already, by a start that was interrupted. */
function replace(path: string, by: string): string | undefined {
  const moved = existsSync(path) ? setAside(path) : undefined
  renameSync(by, path)
  return moved
}
