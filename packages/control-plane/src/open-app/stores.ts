import { join } from 'node:path'
import type { Environment } from '../app.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { loadMasterKey } from '../seal/master-key.ts'
import { checkMasterKey } from '../start/check-master-key.ts'
import { checkMeshRange, prepareInstallation } from '../start/first-start.ts'
import { watchMigration } from '../start/watch-migration.ts'
import { claimDatabase } from '../store/place/database.ts'
import type { OnStep } from '../store/start-step.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'
import { openRecordings } from './blobs.ts'

interface StoreOptions {
  /** Undefined until it is loaded; until then nobody is gone. */
  fleet: () => Fleet | undefined
  onStep: OnStep | undefined
  onWait: ((words: string) => void) | undefined
  signal: AbortSignal | undefined
  stack: AsyncDisposableStack
}

/** What is on the disk; a database that was empty has its first tenant. */
export async function openStores(
  { config, metrics, clock, log, fail }: Environment,
  { fleet, onStep, onWait, signal, stack }: StoreOptions,
) {
  const { dataDir, limits } = config
  const { masterKeyFile = join(dataDir, 'master.key') } = config
  let waitedFor: string | undefined
  const database = stack.use(
    await claimDatabase(config, {
      ...{ clock, log, signal },
      onWait(holder) {
        waitedFor = holder
        log.info('waiting for another control plane, which serves from the database', { holder })
        onWait?.(`waiting for ${holder}, which serves from the database`)
      },
      onLost: fail,
      check: async (reader) =>
        checkMasterKey(
          reader,
          await loadMasterKey({ path: masterKeyFile, isNew: false }),
          masterKeyFile,
        ),
    }),
  )
  if (waitedFor !== undefined) onWait?.(`starting in place of ${waitedFor}`)
  const masterKey = await loadMasterKey({ path: masterKeyFile, isNew: await database.isNew() })
  const lockWaitMs = limits.database_lock_wait
  const onGroup = metrics.committed
  const migration = watchMigration(config, { clock, log, onStep })
  const store = stack.use(await database.open({ onGroup, migration, lockWaitMs, onLost: fail }))
  const beside = { now: clock.now, lockWaitMs, log, onStep }
  const telemetry = stack.use(
    openSqliteTelemetry(join(dataDir, 'telemetry'), {
      ...beside,
      before: join(dataDir, 'telemetry.db'),
      fileMs: limits.telemetry_file_ms,
      isNode: (id) => fleet()?.node(id) !== undefined || fleet() === undefined,
    }),
  )
  const recordings = stack.use(await openRecordings(config, beside))
  const { meshCidr = '10.100.0.0/16' } = config
  await prepareInstallation(store, { dataDir, meshCidr, nowMs: clock.now() })
  await checkMasterKey(store.reader, masterKey, masterKeyFile)
  await checkMeshRange(store.reader, config, log)
  return { masterKey, store, telemetry, recordings }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
