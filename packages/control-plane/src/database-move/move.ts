import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { CliError, type Clock, type Log } from '@plexd/runtime'
import { stampOf } from '../backup/planned/schedule.ts'
import { giveLike } from '../backup/staging.ts'
import { newEpoch } from '../log/position.ts'
import { writeSetting } from '../rows/settings.ts'
import { loadMasterKey, type MasterKey } from '../seal/master-key.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { claimDataDir } from '../start/data-dir-lock.ts'
import { type CopiedTable, copyTables } from '../store/copy/copy-tables.ts'
import type { Reader, Tx } from '../store/db.ts'
import { NothingChanged, reasonOf } from '../store/nothing-changed.ts'
import { type DatabaseMove, databaseName, readMove } from '../store/place/moved.ts'
import { claimPostgres } from '../store/postgres/claim.ts'
import { nameOfPlace, type PostgresPlace } from '../store/postgres/place.ts'
import { openPostgresStore } from '../store/postgres/postgres.ts'
import { openKysely } from '../store/sqlite.ts'
import { forgetMove, handOver, noteMove } from './hand-over.ts'
import { demandInstallation, openSource, settleSource } from './source.ts'
import { type TakenAuthority, takeAuthority } from './take-authority.ts'
import { demandNoInstallation, examineTarget } from './target.ts'

export interface MoveOptions {
  dataDir: string
  to: PostgresPlace
  masterKeyFile: string | undefined
  caKeyFile: string | undefined
  clock: Clock
  log: Log
  onProgress: (text: string) => void
}

export interface MovedDatabase {
  move: DatabaseMove
  /** What was copied and read again; undefined if an earlier attempt had done that. */
  tables: CopiedTable[] | undefined
  authority: TakenAuthority | undefined
}

/**
 * Moves the state of a data folder into an empty database of PostgreSQL: all of it or nothing, also if this process is killed. It is copied
 * and compared in one transaction. Just before its commit the folder says that it is being moved, so that from then on nobody serves from the file
 * before it is known whether the database has it.
 */
export async function moveDatabase(options: MoveOptions): Promise<MovedDatabase> {
  const { dataDir, to, clock, log } = options
  const work = `move the state of "${dataDir}"`
  demandInstallation(dataDir, work)
  const before = openMove(options, work)
  using _folder = claimDataDir(dataDir)
  giveLike(dataDir, join(dataDir, 'lock'))
  await using _turn = await claimPostgres(to, {
    ...{ clock, log },
    onWait: (holder) => {
      throw new CliError(`${work}: ${holder} serves from "${nameOfPlace(to)}": stop that first`)
    },
    onLost: (error) => log.error('move the state', { error }),
  }).catch(rethrow)
  const found = await examineTarget(to, { move: before, work }).catch(rethrow)
  if (before && found === 'arrived')
    return { move: await handOver(dataDir, before), tables: undefined, authority: undefined }
  if (before) await forgetMove(dataDir)
  return copy(options, work)
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

async function copy(options: MoveOptions, work: string): Promise<MovedDatabase> {
  const { dataDir, to, clock, onProgress } = options
  using source = openSource(dataDir, work, onProgress)
  settleSource(source)
  const masterKey = await masterKeyOf(options)
  const nowMs = clock.now()
  const move: DatabaseMove = {
    state: 'moving',
    to: nameOfPlace(to),
    epoch: newEpoch(nowMs),
    at: new Date(nowMs).toISOString(),
    aside: `before-move-${stampOf(nowMs)}`,
  }
  const copied = await copyTo(options, { work, source, masterKey, move, nowMs })
  source.close()
  return { move: await handOver(dataDir, move), ...copied }
}

/** Throws if the file is sealed under another one. */
async function masterKeyOf({ dataDir, masterKeyFile }: MoveOptions): Promise<MasterKey> {
  const path = masterKeyFile ?? join(dataDir, 'master.key')
  const masterKey = await loadMasterKey({ path, isNew: false })
  await using reader: Reader = openKysely(join(dataDir, databaseName))
  await checkMasterKey(reader, masterKey, path)
  return masterKey
}

interface Copying {
  work: string
  source: DatabaseSync
  masterKey: MasterKey
  move: DatabaseMove
  nowMs: number
}

async function copyTo(
  options: MoveOptions,
  copying: Copying,
): Promise<Omit<MovedDatabase, 'move'>> {
  const { dataDir, to, log } = options
  const onLost = (error: Error) => log.error('move the state', { error })
  await using store = await openPostgresStore(to, { onLost }).catch(rethrow)
  try {
    return await store.write((tx) => fill(tx, options, copying))
  } catch (error) {
    // Otherwise only the database knows, and the next attempt asks it.
    if (error instanceof NothingChanged) await forgetMove(dataDir)
    throw reasonOf(error)
  }
}

async function fill(
  tx: Tx,
  { dataDir, to, caKeyFile, onProgress }: MoveOptions,
  { work, source, masterKey, move, nowMs }: Copying,
): Promise<Omit<MovedDatabase, 'move'>> {
  await demandNoInstallation(tx, to, work)
  const tables = await copyTables(source, tx, onProgress)
  // Agents know events of the log as it was: with another one they ask for all that is so.
  await writeSetting(tx, 'epoch', move.epoch)
  const place = { dataDir, caKeyFile }
  const authority = await takeAuthority(tx, { masterKey, place, nowMs })
  await noteMove(dataDir, move)
  return { tables, authority }
}

function rethrow(error: unknown): never {
  throw reasonOf(error)
}
