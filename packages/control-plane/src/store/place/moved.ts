import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** That the state of a data folder is in PostgreSQL now, or is on its way there. In a file of the folder, for whoever starts on it. */
export interface DatabaseMove {
  /** `moving`: only the database knows whether it has arrived. */
  state: 'moving' | 'moved'
  /** The database, without user and password. */
  to: string
  /** That of its event log there, by which it is recognised. */
  epoch: string
  at: string
  /** The folder in the data folder that has what was its database until then. */
  aside: string
  /** Whether metrics, logs and audit records went with it. */
  has_telemetry?: boolean
}

const fileName = 'database.json'
/** Of SQLite, while the state is in the folder. */
export const databaseName = 'control-plane.db'

export const movePath = (dataDir: string): string => join(dataDir, fileName)

/** Undefined for a data folder whose state was never moved. */
export function readMove(dataDir: string): DatabaseMove | undefined {
  const path = movePath(dataDir)
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DatabaseMove // written by us
  } catch (cause) {
    throw new Error(`read "${path}"`, { cause })
  }
}

/** Throws if the state is not in the file of the folder, or may not be. Whoever has put the file back has gone back to it. */
export function refuseMoved(dataDir: string): void {
  refuseMoving(dataDir)
  const move = readMove(dataDir)
  if (!move || existsSync(join(dataDir, databaseName))) return
  throw new Error(`open data folder "${dataDir}": ${whyMoved(dataDir, move)}`)
}

function whyMoved(dataDir: string, { to, at, aside }: DatabaseMove): string {
  return `its state was moved to "${to}" at ${at}: name that with database_url, or go back to the state of that moment, without all that has happened since: mv ${join(dataDir, aside, databaseName)} ${dataDir}/`
}

/** Throws if it is not known which of the two is the state. */
export function refuseMoving(dataDir: string): void {
  const move = readMove(dataDir)
  if (move?.state !== 'moving') return
  throw new Error(
    `open data folder "${dataDir}": moving its state to "${move.to}" was interrupted in the end: repeat "plexd-control-plane migrate-database", which finds out whether it has arrived, and finishes it`,
  )
}

/** Throws if there is no installation in the database, while the state of the folder is in one. */
export function refuseEmpty(dataDir: string, name: string): void {
  const move = readMove(dataDir)
  if (!move) return
  throw new Error(
    `start on data folder "${dataDir}": its state was moved to "${move.to}", and there is nothing in "${name}": name the former with database_url, or start a new installation with another --data-dir`,
  )
}

/** Throws: what is in the database has no state, and would be that of another installation. */
export function refuseArriving(name: string): never {
  throw new Error(
    `moving an installation to "${name}" was interrupted, and nothing serves from what is there: repeat "plexd-control-plane migrate-database", or name an empty database`,
  )
}
