import { existsSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, syncFolder, writeFileAtomic } from '@plexd/runtime'
import { giveLike } from '../backup/staging.ts'
import { type DatabaseMove, databaseName, movePath } from '../store/place/moved.ts'

/** Notes on the disk what is about to happen, or has: whoever starts on the folder next is told. */
export async function noteMove(dataDir: string, move: DatabaseMove): Promise<void> {
  const path = movePath(dataDir)
  await writeFileAtomic(path, `${JSON.stringify(move, null, 2)}\n`)
  giveLike(dataDir, path)
}

export async function forgetMove(dataDir: string): Promise<void> {
  await rm(movePath(dataDir), { force: true })
  await syncFolder(dataDir)
}

/** Puts the file aside from which nobody serves any more. May be interrupted and repeated. */
export async function handOver(dataDir: string, move: DatabaseMove): Promise<DatabaseMove> {
  const aside = join(dataDir, move.aside)
  const file = join(dataDir, databaseName)
  makeFolder(aside)
  giveLike(dataDir, aside)
  if (existsSync(file)) renameSync(file, join(aside, databaseName))
  await syncFolder(aside)
  await syncFolder(dataDir)
  const moved: DatabaseMove = { ...move, state: 'moved' }
  await noteMove(dataDir, moved)
  return moved
}
