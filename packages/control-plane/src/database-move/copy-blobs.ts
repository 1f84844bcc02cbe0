import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@plexd/runtime'
import { openArtifactFiles } from '../artifacts/files.ts'
import { openPostgresArtifacts } from '../artifacts/postgres-store.ts'
import { openPostgresRecordings } from '../recordings/postgres-store.ts'
import { openSqliteRecordings } from '../recordings/sqlite-store.ts'
import { readArtifacts } from '../rows/artifacts.ts'
import type { Reader } from '../store/db.ts'
import type { PostgresPlace } from '../store/postgres/place.ts'
import type { CopiedBlobs } from './blobs-digest.ts'
import { copyArtifacts } from './copy-artifacts.ts'
import { copyRecordings } from './copy-recordings.ts'

export interface BlobsPlace {
  dataDir: string
  to: PostgresPlace
  /** What has the artifacts, if not the data folder: they stay there. */
  artifactStore?: string | undefined
  /** Of the state that refers to them. */
  reader: Reader
  log: Log
  onProgress: (text: string) => void
}

export interface AllBlobs {
  blobs: CopiedBlobs[]
  /** What could not be copied, by its file. */
  warnings: string[]
}

/** Copies what is beside the state, each through the two forms of its store. Nobody sees it there before the state refers to it. */
export async function copyBlobs(place: BlobsPlace): Promise<AllBlobs> {
  const recordings = await recordingsOf(place)
  const { leftOut = [], ...artifacts } = (await artifactsOf(place)) ?? {}
  return {
    blobs: [recordings, 'what' in artifacts ? artifacts : undefined].filter(
      (copied) => copied !== undefined,
    ),
    warnings: leftOut.map(
      (name) =>
        `"${join(place.dataDir, 'artifacts/plexd', name)}" is not what was uploaded, and is left out: upload it again`,
    ),
  }
}

async function recordingsOf({ dataDir, to, log, onProgress }: BlobsPlace) {
  const path = join(dataDir, 'recordings.db')
  if (!existsSync(path)) return undefined
  await using source = openSqliteRecordings(path, { log })
  return await copyRecordings(source, (now) => openPostgresRecordings(to, { now }), onProgress)
}

async function artifactsOf({ dataDir, to, artifactStore, reader, onProgress }: BlobsPlace) {
  if (artifactStore !== undefined) return undefined
  const rows = await readArtifacts(reader)
  if (rows.length === 0) return undefined
  // All that is there is wanted: what lies about is removed by a later start.
  const isKnown = async (): Promise<boolean> => true
  const source = await openArtifactFiles(join(dataDir, 'artifacts'), isKnown)
  await using target = await openPostgresArtifacts(to, { isKnown })
  return await copyArtifacts(source, target, { rows, onProgress })
}
