import { join } from 'node:path'
import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { postgresPlace } from '../store/place/database.ts'
import type { OnStep } from '../store/start-step.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'
import type { TelemetryStore } from '../telemetry/store.ts'

interface TelemetryOptions {
  /** Undefined until it is loaded; until then nobody is gone. */
  fleet: () => Fleet | undefined
  onStep: OnStep | undefined
}

/** Where the state is: in the database, or in files of the data folder. */
export async function openTelemetry(
  { config, clock, log }: Environment,
  { fleet, onStep }: TelemetryOptions,
): Promise<TelemetryStore> {
  const { dataDir, limits } = config
  const options = {
    now: clock.now,
    lockWaitMs: limits.database_lock_wait,
    log,
    isNode: (id: string) => fleet()?.node(id) !== undefined || fleet() === undefined,
  }
  const postgres = postgresPlace(config)
  if (!postgres)
    return openSqliteTelemetry(join(dataDir, 'telemetry'), {
      ...options,
      onStep,
      before: join(dataDir, 'telemetry.db'),
      fileMs: limits.telemetry_file_ms,
    })
  // Loaded lazily: most installations have none of it.
  const { openPostgresTelemetry } = await import('../telemetry/postgres/postgres-store.ts')
  return openPostgresTelemetry(postgres, { ...options, partitionMs: limits.telemetry_file_ms })
}
