import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Reader, Store, StoreOptions } from '../db.ts'
import { NothingChanged, reasonOf } from '../nothing-changed.ts'
import type { ClaimOptions as ServerOptions } from '../postgres/claim.ts'
import { nameOfPlace, type PostgresPlace } from '../postgres/place.ts'
import { openSqliteStore } from '../sqlite.ts'
import { databaseName, refuseArriving, refuseEmpty, refuseMoved, refuseMoving } from './moved.ts'

/** Where the state of an installation is, for the one process that may open it. */
export interface Database extends AsyncDisposable {
  /** Whether there is no installation in it: nothing was ever sealed for it. */
  isNew(): Promise<boolean>
  /** Opens it, and brings it to the newest schema. */
  open(options?: StoreOptions): Promise<Store>
}

export interface ClaimOptions extends ServerOptions {
  /** Rejects if the installation on a server is not ours; asked before it is waited for, and again before it is changed. */
  check: (reader: Reader) => Promise<void>
}

/** The settings that say where. */
export interface DatabasePlace {
  dataDir: string
  databaseUrl: string | undefined
  databasePasswordFile: string | undefined
}

/** Of the data folder, which the process has locked; unused where the state is in PostgreSQL. */
export const sqliteFile = ({ dataDir }: Pick<DatabasePlace, 'dataDir'>): string =>
  join(dataDir, databaseName)

/** The database of PostgreSQL that the settings name; undefined for the file. */
export function postgresPlace(place: DatabasePlace): PostgresPlace | undefined {
  const { databaseUrl, databasePasswordFile } = place
  return databaseUrl === undefined
    ? undefined
    : { url: databaseUrl, passwordFile: databasePasswordFile }
}

/** For people. */
export function describeDatabase(place: DatabasePlace): string {
  const postgres = postgresPlace(place)
  return postgres ? nameOfPlace(postgres) : sqliteFile(place)
}

/** Takes the database for this process alone; where another has it, waits until that one ends. */
export async function claimDatabase(
  place: DatabasePlace,
  options: ClaimOptions,
): Promise<Database> {
  const postgres = postgresPlace(place)
  if (!postgres) {
    refuseMoved(place.dataDir)
    return openFile(sqliteFile(place))
  }
  refuseMoving(place.dataDir)
  refuseBoth(place)
  try {
    return await claimServer(place.dataDir, postgres, options)
  } catch (error) {
    if (!(error instanceof NothingChanged)) throw error
    throw new Error(`open database "${nameOfPlace(postgres)}"`, { cause: reasonOf(error) })
  }
}

function refuseBoth(place: DatabasePlace): void {
  const file = sqliteFile(place)
  if (!existsSync(file)) return
  throw new Error(
    `start with database_url: "${file}" is the database of an installation, and nothing of it is in PostgreSQL: take it there with "plexd-control-plane migrate-database", leave the setting out, or choose another --data-dir`,
  )
}

/** Locked with its folder. */
function openFile(path: string): Database {
  return {
    isNew: async () => !existsSync(path),
    open: (options) => openSqliteStore(path, options),
    async [Symbol.asyncDispose]() {},
  }
}

/** Reads what is committed on a server, whoever serves from it; undefined where there is no installation, or no server. */
export async function readBeside<T>(
  place: DatabasePlace,
  read: (reader: Reader) => Promise<T>,
): Promise<T | undefined> {
  const postgres = postgresPlace(place)
  return postgres && (await readServer(postgres, read))
}

async function readServer<T>(
  postgres: PostgresPlace,
  read: (reader: Reader) => Promise<T>,
): Promise<T | undefined> {
  // Loaded lazily: most installations have none of it.
  const { isEmpty, openPostgresReader } = await import('../postgres/postgres.ts')
  await using reader = openPostgresReader(postgres)
  return (await isEmpty(reader)) ? undefined : await read(reader)
}

async function claimServer(
  dataDir: string,
  postgres: PostgresPlace,
  options: ClaimOptions,
): Promise<Database> {
  const { claimPostgres } = await import('../postgres/claim.ts')
  const { isEmpty, openPostgresReader, openPostgresStore } = await import('../postgres/postgres.ts')
  const { readArriving } = await import('../postgres/arriving.ts')
  const isNew = async () => (await readServer(postgres, async () => true)) === undefined
  async function check(): Promise<void> {
    await using reader = openPostgresReader(postgres)
    if ((await readArriving(reader)) !== undefined) refuseArriving(nameOfPlace(postgres))
    if (await isEmpty(reader)) refuseEmpty(dataDir, nameOfPlace(postgres))
    else await options.check(reader)
  }
  await check()
  await using stack = new AsyncDisposableStack()
  stack.use(await claimPostgres(postgres, options))
  await check()
  const held = stack.move()
  return {
    isNew,
    open: (store) => openPostgresStore(postgres, { ...store, signal: options.signal }),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}
