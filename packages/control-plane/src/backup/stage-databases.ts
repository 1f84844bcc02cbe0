import { rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import type { StagedFile } from './archive/write-archive.ts'
import { contentOf, isWanted } from './contents.ts'
import { listFiles } from './list-files.ts'
import { describeFile, type SnapshotOptions, stagedPath } from './staged-file.ts'

export async function stageDatabases(
  main: DatabaseSync,
  options: SnapshotOptions,
): Promise<StagedFile[]> {
  const { dataDir, parts } = options
  const staged = [await copyDatabase(main, 'control-plane.db', options)]
  for (const path of await listFiles(dataDir)) {
    const content = contentOf(path)
    if (content?.kind !== 'database' || path === 'control-plane.db' || !isWanted(content, parts))
      continue
    const file = await copyOther(path, options)
    if (file) staged.push(file)
  }
  return staged
}

/** Undefined for one that has gone meanwhile, as telemetry does that is too old. */
async function copyOther(path: string, options: SnapshotOptions): Promise<StagedFile | undefined> {
  const source = join(options.dataDir, path)
  const found = await stat(source).catch(() => undefined)
  if (!found) return undefined
  using database = openDatabase(source)
  database.exec('begin')
  database.prepare('select count(*) from sqlite_schema').get()
  return await copyDatabase(database, path, options)
}

/** In the read transaction of the connection, so that writers do not make it begin anew. */
async function copyDatabase(
  database: DatabaseSync,
  path: string,
  options: SnapshotOptions,
): Promise<StagedFile> {
  const to = stagedPath(options, path)
  options.onProgress(`copying ${path}`)
  await backup(database, `${to}.copy`, { rate: pagesAtOnce })
  await rename(`${to}.copy`, to)
  return await describeFile(path, to)
}

/** 16 MiB: the event loop of this process is free between two. */
const pagesAtOnce = 4_096

/** Read and write: otherwise the log of a killed process could not be recovered. */
export function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: 5_000 })
}
