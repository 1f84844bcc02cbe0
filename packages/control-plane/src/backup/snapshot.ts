import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { StagedFile } from './archive/write-archive.ts'
import { type DatabaseFacts, readFacts } from './database-facts.ts'
import { openDatabase, stageDatabases } from './stage-databases.ts'
import { Changed, demandUnchanged, stageArtifacts, stageSmallFiles } from './stage-files.ts'
import type { SnapshotOptions } from './staged-file.ts'

export interface Snapshot {
  facts: DatabaseFacts
  files: StagedFile[]
  warnings: string[]
}

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
  const { artifacts, missing, elsewhere } = await stageArtifacts(facts, options)
  if (missing.length > 0 && !isLast) throw new Changed(`"${missing[0]}" is missing`)
  await demandUnchanged(small, options)
  const databases = await stageDatabases(main, options)
  main.exec('rollback')
  return {
    facts,
    files: [...databases, ...small, ...artifacts],
    warnings: [
      ...missing.map((path) => `"${path}" is not what was uploaded, and is left out`),
      ...elsewhere,
    ],
  }
}
