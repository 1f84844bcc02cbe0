import { copyFile, link, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf, isMissing } from '@plexd/runtime'
import type { StagedFile } from './archive/write-archive.ts'
import { contentOf } from './contents.ts'
import type { DatabaseFacts } from './database-facts.ts'
import { listFiles } from './list-files.ts'
import { describeFile, hashFile, type SnapshotOptions, stagedPath } from './staged-file.ts'

/** What was read before and after the moment of the database differs. */
export class Changed extends Error {}

export async function stageSmallFiles(options: SnapshotOptions): Promise<StagedFile[]> {
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

export async function demandUnchanged(staged: readonly StagedFile[], options: SnapshotOptions) {
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
export async function stageArtifacts({ artifacts }: DatabaseFacts, options: SnapshotOptions) {
  const { artifactStore } = options
  if (artifactStore !== undefined)
    return { artifacts: [], missing: [], elsewhere: wordsOfStore(artifacts.length, artifactStore) }
  const staged: StagedFile[] = []
  const missing: string[] = []
  for (const { path, sha256 } of artifacts) {
    const copy = stagedPath(options, path)
    const isThere = await linkOrCopy(join(options.dataDir, path), copy)
    const file = isThere ? await describeFile(path, copy) : undefined
    if (file?.sha256 === sha256) staged.push(file)
    else missing.push(path)
  }
  return { artifacts: staged, missing, elsewhere: [] }
}

function wordsOfStore(count: number, store: string): string[] {
  if (count === 0) return []
  return [`${count} artifacts are in "${store}", and not in the backup`]
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
