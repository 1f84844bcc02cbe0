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
 * Makes this process the only one that drives the interface: two would each put right for ever what the other did.
 * Undefined when another has it. The lock is SQLite's on a file where no other user can come near it; the kernel drops it
 * with the process, and the file goes when it is let go.
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
      // Who had it before has just taken the folder away; another is making it anew.
      const isMoving = ['ENOENT', 'EEXIST'].includes(errorCodeOf(cause) ?? '')
      if (!isMoving || attempt === maxAttempts) throw new Error(`lock "${name}"`, { cause })
    }
  }
}

const maxAttempts = 100

/** The same for the rules: there is one table of ours in a network namespace, however many interfaces there are. */
export function lockPacketFilter(): Promise<AsyncDisposable | undefined> {
  return lockInterface('table inet plexd') // no interface has a name with spaces
}

/** Who has it, in words; empty for one that cannot be seen from here. */
export function lockHolder(name: string, runDir = standardRunDir): string {
  const pid = holderOf(join(namespaceFolder(runDir), fileOf(name)))
  return pid === undefined ? '' : `process ${pid}`
}

/** `again` where who had it before has just taken the file away. */
function take(path: string): AsyncDisposable | undefined | 'again' {
  // One that is there is not opened: to close it would drop the lock, where this process has it already (fcntl(2)).
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

/** Who waits for it finds that the file is another by then. */
function letGo(path: string, database: DatabaseSync): void {
  rmSync(path, { force: true })
  database.close()
  try {
    rmdirSync(dirname(path))
    rmdirSync(dirname(dirname(path)))
  } catch {
    // Something else is in it, as another lock, or the socket of the local API.
  }
}

function fileOf(name: string): string {
  return `${name}.lock`
}
