import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { loadMasterKey, masterKeyPath } from '../seal/master-key.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { checkMeshRange, prepareInstallation } from '../start/first-start.ts'
import { watchMigration } from '../start/watch-migration.ts'
import type { Database } from '../store/place/database.ts'
import type { OnStep } from '../store/start-step.ts'
import { openRecordings } from './blobs.ts'
import { openTelemetry } from './telemetry.ts'

interface StoreOptions {
  /** Undefined until it is loaded; until then nobody is gone. */
  fleet: () => Fleet | undefined
  onStep: OnStep | undefined
  stack: AsyncDisposableStack
}

/** What is stored; a database that was empty has its first tenant. */
export async function openStores(
  environment: Environment,
  database: Database,
  { fleet, onStep, stack }: StoreOptions,
) {
  const { config, metrics, clock, log, fail } = environment
  const { dataDir, limits } = config
  const keyPath = masterKeyPath(config)
  const masterKey = await loadMasterKey({ path: keyPath, isNew: await database.isNew() })
  const lockWaitMs = limits.database_lock_wait
  const onGroup = metrics.committed
  const migration = watchMigration(config, { clock, log, onStep })
  const store = stack.use(await database.open({ onGroup, migration, lockWaitMs, onLost: fail }))
  const beside = { now: clock.now, lockWaitMs, log, onStep }
  const telemetry = stack.use(await openTelemetry(environment, { fleet, onStep }))
  const recordings = stack.use(await openRecordings(config, beside))
  const { meshCidr = '10.100.0.0/16' } = config
  await prepareInstallation(store, { dataDir, meshCidr, nowMs: clock.now() })
  await checkMasterKey(store.reader, masterKey, keyPath)
  await checkMeshRange(store.reader, config, log)
  return { masterKey, store, telemetry, recordings }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
