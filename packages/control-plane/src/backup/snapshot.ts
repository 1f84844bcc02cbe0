import { copyFile, link, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { errorCodeOf, isMissing, makeFolder } from '@plexd/runtime'
import type { OptionalPart } from '../config/settings/backup-parts.ts'
import type { ArchivedFile } from './archive/manifest.ts'
import type { StagedFile } from './archive/write-archive.ts'
import { contentOf, isWanted } from './contents.ts'
import { type DatabaseFacts, readFacts } from './database-facts.ts'
import { hashFile } from './hash-file.ts'
import { listFiles } from './list-files.ts'

export interface SnapshotOptions {
  dataDir: string
  /** An empty folder, best on the same disk. */
  staging: string
  parts: readonly OptionalPart[]
  masterKeyFile: string
  onProgress: (text: string) => void
}

export interface Snapshot {
  facts: DatabaseFacts
  files: StagedFile[]
  warnings: string[]
}

/** What was read before and after the moment of the database differs. */
class Changed extends Error {}

/** Each takes milliseconds, unless builds of plexd have to be read. */
const attempts = 20

/**
 * Copies of everything as it was at one moment, that of a read transaction of the main database. Small files must be the same before and
 * after that moment; other databases are of a later one, and so have at least what the main database refers to. The control plane
 * may run meanwhile, and is not held up: readers of SQLite's write-ahead log hold up nobody.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  using main = openDatabase(join(options.dataDir, 'control-plane.db'))
  for (let attempt = 1; ; attempt++) {
    try {
      return await takeAt(main, options, attempt === attempts)
    } catch (error) {
      if (main.isTransaction) main.exec('rollback')
      if (!(error instanceof Changed) || attempt === attempts) throw error
      await rm(join(options.staging, 'files'), { recursive: true, force: true })
    }
  }
}

async function takeAt(
  main: DatabaseSync,
  options: SnapshotOptions,
  isLast: boolean,
): Promise<Snapshot> {
  const { onProgress } = options
  onProgress('copying files')
  const small = await stageSmallFiles(options)
  main.exec('begin')
  const facts = readFacts(main)
  const { artifacts, missing } = await stageArtifacts(facts, options)
  if (missing.length > 0 && !isLast) throw new Changed(`"${missing[0]}" is missing`)
  await demandUnchanged(small, options)
  const databases = await stageDatabases(main, options)
  main.exec('rollback')
  return {
    facts,
    files: [...databases, ...small, ...artifacts],
    warnings: missing.map((path) => `"${path}" is not what was uploaded, and is left out`),
  }
}

/** Read and write: otherwise the log of a killed process could not be recovered. */
function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: 5_000 })
}

async function stageSmallFiles(options: SnapshotOptions): Promise<StagedFile[]> {
  const files: StagedFile[] = []
  for (const { path, source } of await smallFiles(options)) {
    const copy = stagedPath(options, path)
    await copyFile(source, copy)
    files.push(await describeFile(path, copy, (await stat(source)).mode))
  }
  return files
}

/** The master key may lie elsewhere. */
async function smallFiles({
  dataDir,
  parts,
  masterKeyFile,
}: SnapshotOptions): Promise<{ path: string; source: string }[]> {
  const inFolder = (await listFiles(dataDir))
    .filter((path) => contentOf(path)?.kind === 'file' && contentOf(path)?.part === undefined)
    .map((path) => ({ path, source: join(dataDir, path) }))
  const key = { path: 'master.key', source: masterKeyFile }
  return parts.includes('master-key') ? [...inFolder, key] : inFolder
}

async function demandUnchanged(staged: readonly StagedFile[], options: SnapshotOptions) {
  const now = await smallFiles(options)
  if (now.length !== staged.length) throw new Changed('files came or went')
  for (const [index, { path, source }] of now.entries()) {
    const before = staged[index]
    const sha256 = await hashFile(source).catch(() => '')
    if (before?.path !== path || before.sha256 !== sha256)
      throw new Changed(`"${path}" changed while it was copied`)
  }
}

/** They are replaced as a whole, so a link keeps what was there. */
async function stageArtifacts({ artifacts }: DatabaseFacts, options: SnapshotOptions) {
  const staged: StagedFile[] = []
  const missing: string[] = []
  for (const { path, sha256 } of artifacts) {
    const copy = stagedPath(options, path)
    const isThere = await linkOrCopy(join(options.dataDir, path), copy)
    const file = isThere ? await describeFile(path, copy) : undefined
    if (file?.sha256 === sha256) staged.push(file)
    else missing.push(path)
  }
  return { artifacts: staged, missing }
}

async function linkOrCopy(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to).catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') throw error
      return copyFile(from, to)
    })
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function stageDatabases(main: DatabaseSync, options: SnapshotOptions): Promise<StagedFile[]> {
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

function stagedPath({ staging }: SnapshotOptions, path: string): string {
  const to = join(staging, 'files', path)
  makeFolder(dirname(to))
  return to
}

async function describeFile(path: string, source: string, mode = 0o600): Promise<StagedFile> {
  const file: ArchivedFile = {
    path,
    size: (await stat(source)).size,
    mode: mode & 0o755,
    sha256: await hashFile(source),
  }
  return { ...file, source }
}
