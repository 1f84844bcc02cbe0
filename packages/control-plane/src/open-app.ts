import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError, answerHeader, maxRelayMessageBytes } from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import { createOperatorEnds } from './access/operator-ends.ts'
import { openAlerting } from './alerts/alerting.ts'
import type { Controls, Environment, RunningApp, Shown } from './app.ts'
import { openArtifactFiles } from './artifacts/files.ts'
import { removeCopies } from './backup/staging.ts'
import { tellRestore } from './backup/tell-restore.ts'
import { healthOf, watchBackups } from './backup/watch.ts'
import { createChange } from './change.ts'
import type { Config } from './config/config.ts'
import { createNodeEntries } from './entries/node-entries.ts'
import { openDelivery } from './events/delivery.ts'
import { loadHeads } from './events/heads.ts'
import { openForwards } from './forward/forwards.ts'
import { createMetrics } from './http/metrics.ts'
import { createUpgrader } from './http/upgrades.ts'
import { openAnnouncing } from './installation/announcing.ts'
import { openHeeds } from './installation/heeds.ts'
import { createCommitLog } from './log/log.ts'
import { newLifeId } from './log/position.ts'
import { createChangeWatch } from './log/watch.ts'
import type { Fleet } from './mesh/fleet.ts'
import { followNodes } from './nodes/follow-nodes.ts'
import { createIntake } from './parser/intake.ts'
import { createNodeMemory } from './presence/node-memory.ts'
import { openSqliteRecordings } from './recordings/sqlite-store.ts'
import { openSeals } from './rotation/seals.ts'
import { followFleet, loadFleet } from './rows/fleet/load-fleet.ts'
import { readLastSeen } from './rows/fleet/node-lookups.ts'
import { settleFirstTenant } from './rows/fleet/tenants.ts'
import { loadMasterKey } from './seal/master-key.ts'
import { followSessions } from './sessions/follow-sessions.ts'
import { cutWithLog } from './sessions/relay/cut-with-log.ts'
import { createRelay } from './sessions/relay/relay.ts'
import { claimDataDir } from './start/data-dir-lock.ts'
import { checkMeshRange, prepareInstallation } from './start/first-start.ts'
import type { Store } from './store/db.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { OnStep } from './store/start-step.ts'
import { startFilling } from './telemetry/latest/fill-latest.ts'
import { createLatest } from './telemetry/latest/latest.ts'
import { budgetOf, createPrograms } from './telemetry/latest/programs.ts'
import { startSeries } from './telemetry/series/series.ts'
import { openSeriesFile } from './telemetry/series/series-file.ts'
import { openSqliteTelemetry } from './telemetry/sqlite-store.ts'
import { createOpenTails } from './telemetry/tail/open-tails.ts'

export interface StartOptions {
  clock: Clock
  log: Log
  onStep?: OnStep | undefined
}

/** Locks and opens the data folder, and loads what is held in memory. */
export async function openApp(
  config: Config,
  { clock, log, onStep }: StartOptions,
): Promise<RunningApp> {
  await using stack = new AsyncDisposableStack()
  const { dataDir, limits } = config
  stack.use(claimDataDir(dataDir))
  const lockWaitMs = limits.database_lock_wait
  const database = join(dataDir, 'control-plane.db')
  const masterKey = await loadMasterKey({
    path: config.masterKeyFile ?? join(dataDir, 'master.key'),
    isNew: !existsSync(database),
  })
  const metrics = stack.use(createMetrics())
  const onGroup = metrics.committed
  const store = stack.use(await openSqliteStore(database, { onGroup, onStep, lockWaitMs }))
  /** Once it is loaded; until then nobody is gone. */
  let nodes: Fleet | undefined
  const telemetry = stack.use(
    openSqliteTelemetry(join(dataDir, 'telemetry'), {
      now: clock.now,
      lockWaitMs,
      log,
      onStep,
      before: join(dataDir, 'telemetry.db'),
      fileMs: limits.telemetry_file_ms,
      isNode: (id) => nodes === undefined || nodes.node(id) !== undefined,
    }),
  )
  const recordings = stack.use(
    openSqliteRecordings(join(dataDir, 'recordings.db'), {
      now: clock.now,
      lockWaitMs,
      log,
      onStep,
    }),
  )
  const nowMs = clock.now()
  await prepareInstallation(store, { dataDir, meshCidr: config.meshCidr ?? '10.100.0.0/16', nowMs })
  await checkMeshRange(store.reader, config, log)

  const environment = createEnvironment(config, { metrics, clock, log, life: newLifeId() })
  const { commits, heads, state, follow } = await openState(store, environment)
  const { fleet, change, entries } = state
  nodes = fleet
  const programs = createPrograms(() => budgetOf(environment.config.limits))
  const room = { own: limits.node_series, programs: limits.node_program_series }
  const onLeftOut = metrics.valuesLeftOut
  const seriesFile = stack.use(
    openSeriesFile(join(dataDir, 'series.db'), {
      room,
      onLeftOut,
      lockWaitMs,
      log,
      onStep,
      rebuiltFromMs: nowMs - limits.telemetry_ms,
    }),
  )
  const series = stack.use(
    startSeries({ file: seriesFile, telemetry, clock, log, room, programs, onLeftOut }),
  )
  const latest = createLatest(programs)
  stack.defer(telemetry.onAppend(latest.follow))
  const memory = createNodeMemory(config, { fleet, clock, log })
  for (const { no, last_seen_at } of await readLastSeen(store.reader))
    memory.presence.expect(no, last_seen_at)
  const seals = await openSeals({ store, change, masterKey, log })
  const delivery = await openDelivery({
    commits,
    heads,
    ...state,
    ...seals,
    ...memory,
    clock,
    log,
    onDelivered: metrics.delivered,
  })
  const installation = {
    announcing: await openAnnouncing(store.reader, delivery.keyring),
    heeds: await openHeeds(store, { fleet, now: clock.now }),
  }
  const waiters = {
    executions: createChangeWatch(clock),
    sessions: createChangeWatch(clock),
    operatorEnds: createOperatorEnds(fleet),
    tails: createOpenTails(),
  }
  for (const follower of [
    // First, because these need the fleet from before the change.
    followNodes({ fleet, streams: delivery.streams, latest, ...memory }),
    followSessions({
      fleet,
      watch: waiters.sessions,
      audit: async (source, record) => {
        await telemetry.append({ kind: 'audit', source, records: [JSON.stringify(record)] })
      },
      now: clock.now,
      log,
    }),
    follow,
    waiters.operatorEnds.follow,
    entries.follow,
    seals.sealedSecrets.follow,
    delivery.keyring.follow,
    installation.announcing.follow,
    heads.follow,
    metrics.follow,
    delivery.streams.follow, // last, because payloads are built from all the others
  ])
    commits.follow(follower)

  const alerting = stack.use(
    await openAlerting({
      store,
      fleet,
      latest,
      masterKey,
      metrics,
      limits: () => environment.config.limits,
      clock,
      log,
    }),
  )
  commits.follow(alerting.follow)
  stack.defer(telemetry.onAppend(alerting.followRecords))

  const relay = stack.use(createRelay({ clock, log, onBytes: metrics.relayed }))
  commits.follow(cutWithLog(relay))
  const relayAccess = {
    relay,
    upgrader: createUpgrader({
      maxMessageBytes: maxRelayMessageBytes,
      headers: { [answerHeader]: environment.life },
    }),
  }

  stack.use(
    startFilling(latest, telemetry, {
      tenantIds: new Set(Array.from(fleet.allNodes(), (node) => node.tenant_id)),
      nowMs,
      log,
    }),
  )

  const { forwards: targets } = config
  const forwards = stack.use(
    await openForwards({ forwards: targets, store, telemetry, fleet, clock, log }),
  )
  metrics.showForwards(forwards.status)
  await removeCopies(dataDir).catch((error: unknown) =>
    log.warn('copies of an interrupted backup not removed', { error }),
  )
  const backups = watchBackups(dataDir)
  metrics.showBackups(() => healthOf(backups.records()))
  tellRestore(backups, log)
  const artifacts = await openArtifactFiles(join(dataDir, 'artifacts'))
  const intake = createIntake(limits, clock)
  stack.use(intake.parser)
  const groups = {
    ...state,
    ...delivery,
    ...seals,
    ...memory,
    ...intake,
    ...installation,
    ...waiters,
    ...relayAccess,
    alerting,
    backups,
  }
  // The environment's settings may change, so it is not copied.
  return Object.assign(environment, groups, {
    telemetry,
    latest,
    series,
    forwards,
    recordings,
    artifacts,
    [Symbol.asyncDispose]: handOver(stack),
  })
}

/** The committed state with its log; `follow` keeps the fleet current. */
async function openState(store: Store, { life, config, clock }: Environment) {
  const { reader } = store
  const firstTenantId = await settleFirstTenant(store)
  const fleet = await loadFleet(reader, clock.now())
  const draft = await loadFleet(reader, clock.now())
  const nodes = Array.from(fleet.allNodes(), ({ no }) => no)
  const heads = await loadHeads(reader, { life, nodes })
  const commits = createCommitLog({ lastSeq: heads.last(), life })
  const change = createChange({ store, draft, log: commits, now: clock.now })
  const entries = createNodeEntries(reader, config.limits)
  const state = { store, fleet, change, firstTenantId, entries }
  return { commits, heads, state, follow: followFleet(fleet) }
}

function createEnvironment(
  given: Config,
  parts: Pick<Environment, 'metrics' | 'clock' | 'log' | 'life'>,
): Environment & Controls {
  let config = given
  let reloads: Environment['reloads'] = { needsRestart: [], error: undefined }
  let url = config.publicUrl ?? ''
  let shown: Shown | undefined
  let stopping = false
  return {
    ...parts,
    get config() {
      return config
    },
    reconfigure(next) {
      config = next
    },
    get reloads() {
      return reloads
    },
    reloaded(how) {
      reloads = how
    },
    publicUrl: () => url,
    authority: () => shown?.current().ca,
    trusted: () => shown?.current().trusted,
    async ownAuthority() {
      if (shown?.current().ca !== undefined) return await shown.ownAuthority()
      const whose = shown ? 'its certificate is one of the settings' : 'it serves plain HTTP'
      throw new ApiError(
        'conflict',
        `replace authority: this control plane has none of its own: ${whose}`,
      )
    },
    refreshCertificate: async () => await shown?.refresh(),
    shows(certificate) {
      shown = certificate
    },
    servesAt(address) {
      url = config.publicUrl ?? address
    },
    notServing() {
      if (stopping) return 'stopping'
      return url === '' ? 'starting' : undefined
    },
    stop() {
      stopping = true
    },
  }
}
