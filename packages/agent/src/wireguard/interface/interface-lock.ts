import { existsSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  errorCodeOf,
  lockHolder as holderOf,
  makePrivateDatabase,
  sqliteCodeOf,
  sqliteCodes,
} from '@plexd/runtime'
import {
  namespaceFolder,
  openNamespaceFolder,
  standardRunDir,
} from '../../disk/namespace-folder.ts'

/**
 * Locks the interface for this process: two would undo each other's changes forever. Undefined if another process has
 * the lock. It is SQLite's, on a file that only root can reach; the kernel releases it with the process.
 */
export async function lockInterface(
  name: string,
  runDir = standardRunDir,
): Promise<AsyncDisposable | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      const taken = take(join(await openNamespaceFolder(runDir), fileOf(name)))
      if (taken !== 'again') return taken
    } catch (cause) {
      // The last owner has just removed the folder, or another process is creating it.
      const isMoving = ['ENOENT', 'EEXIST'].includes(errorCodeOf(cause) ?? '')
      if (!isMoving || attempt === maxAttempts) throw new Error(`lock "${name}"`, { cause })
    }
  }
}

const maxAttempts = 100

/** The same for the packet filter: a network namespace has one table of ours, however many interfaces. */
export function lockPacketFilter(): Promise<AsyncDisposable | undefined> {
  return lockInterface('table inet plexd') // no interface has a name with spaces
}

/** The owner, in words; empty if it is not visible from here. */
export function lockHolder(name: string, runDir = standardRunDir): string {
  const pid = holderOf(join(namespaceFolder(runDir), fileOf(name)))
  return pid === undefined ? '' : `process ${pid}`
}

/** `again` if the last owner has just removed the file. */
function take(path: string): AsyncDisposable | undefined | 'again' {
  // An existing file is not opened: closing it would release a lock that this process already has (fcntl(2)).
  if (!existsSync(path)) makePrivateDatabase(path)
  const file = numberOf(path)
  const database = open(path)
  if (!database) return 'again'
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (sqliteCodeOf(error) === sqliteCodes.busy) return undefined
    if (numberOf(path) !== file) return 'again'
    throw error
  }
  if (file !== undefined && numberOf(path) === file)
    return { [Symbol.asyncDispose]: async () => letGo(path, database) }
  database.close()
  return 'again'
}

function open(path: string): DatabaseSync | undefined {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    if (existsSync(path)) throw error
    return undefined
  }
}

function numberOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}

/** A waiting process notices that the file is another one. */
function letGo(path: string, database: DatabaseSync): void {
  rmSync(path, { force: true })
  database.close()
  try {
    rmdirSync(dirname(path))
    rmdirSync(dirname(dirname(path)))
  } catch {
    // Not empty: another lock, or the socket of the local API.
  }
}

function fileOf(name: string): string {
  return `${name}.lock`
}
