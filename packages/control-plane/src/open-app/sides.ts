import { openAlerting } from '../alerts/alerting.ts'
import type { Environment } from '../app.ts'
import { tellRestore } from '../backup/planned/tell-restore.ts'
import { type BackupWatch, healthOf, watchBackups } from '../backup/planned/watch.ts'
import { removeCopies } from '../backup/staging.ts'
import { openForwards } from '../forward/forwards.ts'
import { createRelay } from '../sessions/relay/relay.ts'
import { openArtifacts } from './blobs.ts'
import { type Around, openNodeMetrics } from './node-metrics.ts'
import type { Stores } from './stores.ts'

/** What works beside the state, and could be taken away without a node losing its mesh. */
export async function openSides(
  environment: Environment,
  { store, masterKey, telemetry, recordings, ...around }: Stores & Around,
) {
  const { config, metrics, clock, log } = environment
  const { fleet, stack } = around
  const measured = await openNodeMetrics(environment, { telemetry, ...around })
  const alerting = stack.use(
    await openAlerting({
      ...{ store, fleet, masterKey, metrics, clock, log },
      latest: measured.latest,
      limits: () => environment.config.limits,
    }),
  )
  stack.defer(telemetry.onAppend(alerting.followRecords))
  const relay = stack.use(createRelay({ clock, log, onBytes: metrics.relayed }))
  const forwards = stack.use(
    await openForwards({ forwards: config.forwards, store, telemetry, fleet, clock, log }),
  )
  metrics.showForwards(forwards.status)
  const backups = await openBackups(environment)
  const artifacts = await openArtifacts(config, { reader: store.reader, stack, clock, log })
  const files = { telemetry, recordings, artifacts, backups }
  return { ...measured, ...files, alerting, relay, forwards }
}

async function openBackups({ config, metrics, log }: Environment): Promise<BackupWatch> {
  const { dataDir } = config
  await removeCopies(dataDir).catch((error: unknown) =>
    log.warn('copies of an interrupted backup not removed', { error }),
  )
  const backups = watchBackups(dataDir)
  metrics.showBackups(() => healthOf(backups.records()))
  tellRestore(backups, log)
  return backups
}
