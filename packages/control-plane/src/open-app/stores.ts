import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { openSqliteRecordings } from '../recordings/sqlite-store.ts'
import { loadMasterKey } from '../seal/master-key.ts'
import { checkMeshRange, prepareInstallation } from '../start/first-start.ts'
import { watchMigration } from '../start/watch-migration.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { OnStep } from '../store/start-step.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'

interface StoreOptions {
  /** Undefined until it is loaded; until then nobody is gone. */
  fleet: () => Fleet | undefined
  onStep: OnStep | undefined
  stack: AsyncDisposableStack
}

/** What is on the disk; a database that was empty has its first tenant. */
export async function openStores(
  { config, metrics, clock, log }: Environment,
  { fleet, onStep, stack }: StoreOptions,
) {
  const { dataDir, limits } = config
  const database = join(dataDir, 'control-plane.db')
  const masterKey = await loadMasterKey({
    path: config.masterKeyFile ?? join(dataDir, 'master.key'),
    isNew: !existsSync(database),
  })
  const lockWaitMs = limits.database_lock_wait
  const onGroup = metrics.committed
  const migration = watchMigration(config, { clock, log, onStep })
  const store = stack.use(await openSqliteStore(database, { onGroup, migration, lockWaitMs }))
  const beside = { now: clock.now, lockWaitMs, log, onStep }
  const telemetry = stack.use(
    openSqliteTelemetry(join(dataDir, 'telemetry'), {
      ...beside,
      before: join(dataDir, 'telemetry.db'),
      fileMs: limits.telemetry_file_ms,
      isNode: (id) => fleet()?.node(id) !== undefined || fleet() === undefined,
    }),
  )
  const recordings = stack.use(openSqliteRecordings(join(dataDir, 'recordings.db'), beside))
  const { meshCidr = '10.100.0.0/16' } = config
  await prepareInstallation(store, { dataDir, meshCidr, nowMs: clock.now() })
  await checkMeshRange(store.reader, config, log)
  return { masterKey, store, telemetry, recordings }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
