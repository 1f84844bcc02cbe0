import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { lockHolder } from '@plexd/runtime'
import type { Config } from '../config/config.ts'

/** The installation that the doctor checks. */
export interface Place {
  config: Config
  /** The process that holds the data folder; undefined if there is none. */
  pid: number | undefined
  nowMs: number
}

export function placeOf(config: Config, nowMs: number): Place {
  return { config, pid: lockHolder(join(config.dataDir, 'lock')), nowMs }
}

/** The databases that there are, by their names in the data folder. */
export function databasesOf({ config: { dataDir } }: Place): string[] {
  const telemetry = globSync('telemetry/*.db', { cwd: dataDir }).sort()
  const names = ['control-plane.db', 'telemetry.db', 'recordings.db', 'series.db', ...telemetry]
  return names.filter((name) => existsSync(join(dataDir, name)))
}

/** Files of a data folder, by their names in it. */
export function fileIn({ config }: Place, name: string): string {
  return join(config.dataDir, name)
}

export function masterKeyFile(place: Place): string {
  return place.config.masterKeyFile ?? fileIn(place, 'master.key')
}

/** How long another process, such as a backup, may hold its lock. */
const patienceMs = 1_000

/** Not opened read-only: that leaves files behind, and cannot recover the log of a killed process. */
export function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: patienceMs })
}

/** The first row that a query finds. */
export function readRow(path: string, query: string) {
  return readRows(path, query)[0]
}

/** The rows that a query finds; none also where nothing can be read: the check of its pages says why. */
export function readRows(path: string, query: string) {
  if (!existsSync(path)) return []
  try {
    using database = openDatabase(path)
    return database.prepare(query).all()
  } catch {
    return []
  }
}
