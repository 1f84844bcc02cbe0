import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { CliError, type Clock, type Log } from '@plexd/runtime'
import { stampOf } from '../backup/planned/schedule.ts'
import { giveLike } from '../backup/staging.ts'
import { newEpoch } from '../log/position.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import { deleteForward, readForwardProgress } from '../rows/forwards.ts'
import { writeSetting } from '../rows/settings.ts'
import { loadMasterKey, type MasterKey, masterKeyPath } from '../seal/master-key.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { claimDataDir } from '../start/data-dir-lock.ts'
import { type CopiedTable, copyTables } from '../store/copy/copy-tables.ts'
import type { Reader, Store, Tx } from '../store/db.ts'
import { NothingChanged, reasonOf } from '../store/nothing-changed.ts'
import { type DatabaseMove, databaseName, readMove } from '../store/place/moved.ts'
import { forgetArriving, noteArriving } from '../store/postgres/arriving.ts'
import { claimPostgres } from '../store/postgres/claim.ts'
import { nameOfPlace, type PostgresPlace } from '../store/postgres/place.ts'
import { openPostgresStore } from '../store/postgres/postgres.ts'
import { openKysely } from '../store/sqlite.ts'
import type { CopiedBlobs } from './blobs-digest.ts'
import { type AllBlobs, copyBlobs } from './copy-blobs.ts'
import { copyTelemetry } from './copy-telemetry.ts'
import { forgetMove, handOver, noteMove } from './hand-over.ts'
import type { CopiedPart } from './part-digest.ts'
import { demandInstallation, openSource } from './source.ts'
import { type TakenAuthority, takeAuthority } from './take-authority.ts'
import { demandNoInstallation, demandOurs, hasArrived } from './target.ts'

export interface MoveOptions {
  dataDir: string
  to: PostgresPlace
  masterKeyFile: string | undefined
  caKeyFile: string | undefined
  /** What has the artifacts, if not the data folder: they stay there. */
  artifactStore?: string | undefined
  /** How long records of telemetry are kept; undefined leaves all of it where it is. */
  telemetryMs: number | undefined
  clock: Clock
  log: Log
  onProgress: (text: string) => void
}

export interface MovedDatabase {
  move: DatabaseMove
  /** What was copied and read again; undefined if an earlier attempt had done that. */
  tables: CopiedTable[] | undefined
  /** Likewise of what is beside the state. */
  blobs: CopiedBlobs[]
  /** And of metrics, logs, audit records and series. */
  telemetry: CopiedPart[]
  /** What could not be copied. */
  warnings: string[]
  authority: TakenAuthority | undefined
}

/**
 * Moves the state of a data folder into an empty database of PostgreSQL: all of it or nothing, also if this process is killed. It is copied
 * and compared in one transaction. Just before its commit the folder says that it is being moved, so that from then on nobody serves from the file
 * before it is known whether the database has it.
 */
export async function moveDatabase(options: MoveOptions): Promise<MovedDatabase> {
  const { dataDir, to, clock, log, onProgress } = options
  const work = `move the state of "${dataDir}"`
  demandInstallation(dataDir, work)
  const before = openMove(options, work)
  using _folder = claimDataDir(dataDir)
  giveLike(dataDir, join(dataDir, 'lock'))
  using source = openSource(dataDir, work, onProgress)
  const known = source && (await knownOf(options))
  await using _turn = await claimPostgres(to, {
    ...{ clock, log },
    onWait: (holder) => {
      throw new CliError(`${work}: ${holder} serves from "${nameOfPlace(to)}": stop that first`)
    },
    onLost: (error) => log.error('move the state', { error }),
  }).catch(rethrow)
  await demandOurs(to, { move: before, installation: known?.firstTenant, work }).catch(rethrow)
  const onLost = (error: Error) => log.error('move the state', { error })
  // This waits until the server has ended what was going on there: only then it is known what has arrived.
  await using store = await openPostgresStore(to, { onLost }).catch(rethrow)
  if (before && (await hasArrived(store.reader, before))) {
    source?.close()
    const rest = { tables: undefined, blobs: [], telemetry: [], warnings: [], authority: undefined }
    return { move: await handOver(dataDir, before), ...rest }
  }
  if (!source || !known)
    throw new CliError(
      `${work}: nothing of it is in "${nameOfPlace(to)}" any more, and "${databaseName}" is in "${before?.aside}": put it back`,
    )
  if (before) await forgetMove(dataDir)
  return await copy(options, { work, source, store, ...known })
}

/** What an earlier attempt has noted that did not get to its end; throws if one did. */
function openMove({ dataDir, to }: MoveOptions, work: string): DatabaseMove | undefined {
  const move = readMove(dataDir)
  if (move?.state === 'moving' && move.to !== nameOfPlace(to))
    throw new CliError(
      `${work}: moving it to "${move.to}" was interrupted: name that database, to find out whether it has arrived`,
    )
  if (move?.state === 'moved' && !existsSync(join(dataDir, databaseName)))
    throw new CliError(`${work}: it was moved to "${move.to}" at ${move.at}`)
  return move?.state === 'moving' ? move : undefined
}

interface Copying extends Known {
  work: string
  source: DatabaseSync
  store: Store
}

async function copy(options: MoveOptions, copying: Copying): Promise<MovedDatabase> {
  const { dataDir, to, clock, telemetryMs } = options
  const { work, source, store, firstTenant } = copying
  const nowMs = clock.now()
  const move: DatabaseMove = {
    state: 'moving',
    to: nameOfPlace(to),
    epoch: newEpoch(nowMs),
    at: new Date(nowMs).toISOString(),
    aside: `before-move-${stampOf(nowMs)}`,
    has_telemetry: telemetryMs !== undefined,
  }
  try {
    await store.write(async (tx) => {
      await demandNoInstallation(tx, to, work)
      await noteArriving(tx, firstTenant)
    })
    // First: these take long, and may be there before the state, without which nobody looks at them.
    const beside = {
      telemetry: await copyTelemetry({ ...options, nowMs }),
      ...(await blobsOf(options)),
    }
    const copied = await store.write((tx) => fill(tx, options, copying, move))
    source.close()
    return { move: await handOver(dataDir, move), ...copied, ...beside }
  } catch (error) {
    // Otherwise only the database knows, and the next attempt asks it.
    if (error instanceof NothingChanged) await forgetMove(dataDir)
    throw reasonOf(error)
  }
}

async function blobsOf(options: MoveOptions): Promise<AllBlobs> {
  await using reader: Reader = openKysely(join(options.dataDir, databaseName))
  return await copyBlobs({ ...options, reader })
}

/** What has to be known of an installation before it is moved. */
interface Known {
  masterKey: MasterKey
  /** By which it is recognised. */
  firstTenant: string
}

/** Throws if the file is sealed under another master key. */
async function knownOf(options: MoveOptions): Promise<Known> {
  const path = masterKeyPath(options)
  const masterKey = await loadMasterKey({ path, isNew: false })
  await using reader: Reader = openKysely(join(options.dataDir, databaseName))
  await checkMasterKey(reader, masterKey, path)
  return { masterKey, firstTenant: await readFirstTenant(reader) }
}

async function fill(
  tx: Tx,
  { dataDir, to, caKeyFile, telemetryMs, clock, onProgress }: MoveOptions,
  { work, source, masterKey }: Copying,
  move: DatabaseMove,
): Promise<Pick<MovedDatabase, 'tables' | 'authority'>> {
  await demandNoInstallation(tx, to, work)
  const tables = await copyTables(source, tx, onProgress)
  // Agents know events of the log as it was: with another one they ask for all that is so.
  await writeSetting(tx, 'epoch', move.epoch)
  if (telemetryMs === undefined) await forgetForwards(tx)
  const place = { dataDir, caKeyFile }
  const authority = await takeAuthority(tx, { masterKey, place, nowMs: clock.now() })
  await forgetArriving(tx)
  await noteMove(dataDir, move)
  return { tables, authority }
}

/** Their positions are of records that stay here: they go on with what comes from now on. */
async function forgetForwards(tx: Tx): Promise<void> {
  for (const key of await readForwardProgress(tx)) await deleteForward(tx, key)
}

function rethrow(error: unknown): never {
  throw reasonOf(error)
}
