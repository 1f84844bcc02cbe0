import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '@plexd/runtime'
import type { OptionalPart } from '../config/settings/backup-parts.ts'
import type { ArchivedFile } from './archive/manifest.ts'
import type { StagedFile } from './archive/write-archive.ts'

export interface SnapshotOptions {
  dataDir: string
  /** An empty folder, best on the same disk. */
  staging: string
  parts: readonly OptionalPart[]
  masterKeyFile: string
  /** What has the artifacts, if not the data folder. */
  artifactStore?: string | undefined
  onProgress: (text: string) => void
}

/** Where the copy of a file of the data folder goes. */
export function stagedPath({ staging }: SnapshotOptions, path: string): string {
  const to = join(staging, 'files', path)
  makeFolder(dirname(to))
  return to
}

export async function describeFile(
  path: string,
  source: string,
  mode = 0o600,
): Promise<StagedFile> {
  const file: ArchivedFile = {
    path,
    size: (await stat(source)).size,
    mode: mode & 0o755,
    sha256: await hashFile(source),
  }
  return { ...file, source }
}

/** SHA-256 in hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}
