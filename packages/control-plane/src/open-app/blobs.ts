import { join } from 'node:path'
import type { Clock, Log } from '@plexd/runtime'
import { openArtifactFiles } from '../artifacts/files.ts'
import type { ArtifactName, ArtifactStore } from '../artifacts/store.ts'
import type { Config } from '../config/config.ts'
import { bucketPlace } from '../config/settings/artifacts.ts'
import { openSqliteRecordings, type RecordingsOptions } from '../recordings/sqlite-store.ts'
import type { RecordingStore } from '../recordings/store.ts'
import { readArtifact, readArtifacts } from '../rows/artifacts.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import type { Reader } from '../store/db.ts'
import { postgresPlace } from '../store/place/database.ts'

/** Recordings are where the state is. */
export async function openRecordings(
  config: Config,
  options: RecordingsOptions,
): Promise<RecordingStore> {
  const postgres = postgresPlace(config)
  if (!postgres) return openSqliteRecordings(join(config.dataDir, 'recordings.db'), options)
  // Loaded lazily: most installations have none of it.
  const { openPostgresRecordings } = await import('../recordings/postgres-store.ts')
  return openPostgresRecordings(postgres, options)
}

interface ArtifactsAround {
  reader: Reader
  /** Closes what has to be closed. */
  stack: AsyncDisposableStack
  clock: Clock
  log: Log
}

/** So are artifacts, unless they have a store of their own. */
export async function openArtifacts(
  config: Config,
  { reader, stack, ...around }: ArtifactsAround,
): Promise<ArtifactStore> {
  if (config.artifactStore !== undefined)
    return stack.use(await openInBucket(config.artifactStore, reader, around))
  const postgres = postgresPlace(config)
  const isKnown = async (name: ArtifactName): Promise<boolean> =>
    (await readArtifact(reader, name)) !== undefined
  if (!postgres) return openArtifactFiles(join(config.dataDir, 'artifacts'), isKnown)
  const { openPostgresArtifacts } = await import('../artifacts/postgres-store.ts')
  return stack.use(
    await openPostgresArtifacts(postgres, {
      isKnown,
      lockWaitMs: config.limits.database_lock_wait,
    }),
  )
}

/** Loaded lazily: most installations have none of it. */
async function openInBucket(
  url: string,
  reader: Reader,
  { clock, log }: Pick<ArtifactsAround, 'clock' | 'log'>,
) {
  const { openBucket } = await import('../artifacts/s3/bucket.ts')
  const { openS3Artifacts } = await import('../artifacts/s3/store.ts')
  return openS3Artifacts(await openBucket(bucketPlace(url), log), {
    installation: await readFirstTenant(reader),
    checksumOf: async (name) => (await readArtifact(reader, name))?.checksum,
    checksums: async () => (await readArtifacts(reader)).map(({ checksum }) => checksum),
    now: clock.now,
    log,
  })
}
