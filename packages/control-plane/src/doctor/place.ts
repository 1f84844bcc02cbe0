import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { lockHolder } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { masterKeyPath } from '../seal/master-key.ts'
import { postgresPlace, sqliteFile } from '../store/place/database.ts'
import { queryServer } from '../store/postgres/examine.ts'

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
  return masterKeyPath(place.config)
}

/** How long another process, such as a backup, may hold its lock. */
const patienceMs = 1_000

/** Not opened read-only: that leaves files behind, and cannot recover the log of a killed process. */
export function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: patienceMs })
}

/** The first row that a query of the state finds. */
export async function readRow(place: Place, query: string): Promise<Row | undefined> {
  return (await readRows(place, query))[0]
}

type Row = Readonly<Record<string, unknown>>

/** The rows that a query of the state finds; none also where nothing can be read: the check of the database says why. */
export async function readRows(place: Place, query: string): Promise<readonly Row[]> {
  try {
    return await rowsOf(place, query)
  } catch {
    return []
  }
}

async function rowsOf({ config }: Place, query: string): Promise<readonly Row[]> {
  const postgres = postgresPlace(config)
  if (postgres) return queryServer(postgres, query)
  const path = sqliteFile(config)
  if (!existsSync(path)) return []
  using database = openDatabase(path)
  return database.prepare(query).all()
}
