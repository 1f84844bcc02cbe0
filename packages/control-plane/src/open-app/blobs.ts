import { join } from 'node:path'
import { openArtifactFiles } from '../artifacts/files.ts'
import type { ArtifactName, ArtifactStore } from '../artifacts/store.ts'
import type { Config } from '../config/config.ts'
import { openSqliteRecordings, type RecordingsOptions } from '../recordings/sqlite-store.ts'
import type { RecordingStore } from '../recordings/store.ts'
import { readArtifact } from '../rows/artifacts.ts'
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

/** So are artifacts; `stack` closes what has to be closed. */
export async function openArtifacts(
  config: Config,
  { reader, stack }: { reader: Reader; stack: AsyncDisposableStack },
): Promise<ArtifactStore> {
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
