import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Log } from '@plexd/runtime'
import { type ArtifactFiles, openArtifactFiles } from './artifacts/files.ts'
import { tokenHash } from './auth.ts'
import { type Change, createChange } from './change.ts'
import type { Config } from './config/config.ts'
import { claimDataDir } from './data-dir-lock.ts'
import { createFrames } from './events/frames.ts'
import { type Heads, loadHeads } from './events/heads.ts'
import { createEventHub, type EventHub } from './events/hub.ts'
import { type Keyring, openKeyring } from './events/keyring.ts'
import { createPresentLife } from './events/position.ts'
import { createStreams, type Streams } from './events/streams.ts'
import { createExecutionWatch, type ExecutionWatch } from './executions/watch.ts'
import { type Bodies, createBodies } from './http/bodies/bodies.ts'
import { createMetrics, type Metrics } from './http/metrics.ts'
import { createInstances, type Instances } from './instances.ts'
import type { Limits } from './limits.ts'
import { createMasterKeyRotation, type MasterKeyRotation } from './master-key-rotation.ts'
import type { Fleet } from './mesh/fleet.ts'
import { createMoves, type Moves } from './moves.ts'
import { createOperatorEnds, type OperatorEnds } from './operator-ends.ts'
import { createParser, type Parser } from './parser/parser.ts'
import { createPresence, type Presence } from './presence.ts'
import { type KeptMasterKey, loadMasterKey } from './seal/master-key.ts'
import type { PskMaster } from './seal/psk.ts'
import type { Store } from './store/db.ts'
import { createNodeEntries, type NodeEntries } from './store/entries.ts'
import { checkMeshRange, prepareInstallation } from './store/first-start.ts'
import { loadFleet } from './store/load-fleet.ts'
import { loadPskMaster } from './store/psk-keys.ts'
import { createSealedSecrets, type SealedSecrets } from './store/sealed-secrets.ts'
import { readSetting } from './store/settings.ts'
import { openSqliteStore } from './store/sqlite.ts'
import { burstSeconds, createRateLimit, type RateLimit } from './telemetry/rate-limit.ts'
import { openSqliteTelemetry } from './telemetry/sqlite-store.ts'
import type { TelemetryStore } from './telemetry/store.ts'

/** The one object that handlers get. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** What is committed. Inside a change look at `unit.fleet` instead. */
  readonly fleet: Fleet
  readonly change: Change
  /** What nodes' secrets at rest are sealed under. */
  readonly masterKey: KeptMasterKey
  readonly masterKeyRotation: MasterKeyRotation
  readonly sealedSecrets: SealedSecrets
  /** For `pairPsk`. */
  readonly pskMaster: PskMaster
  /** What nodes get of data and secrets. */
  readonly entries: NodeEntries
  readonly keyring: Keyring
  readonly heads: Heads
  /** Committed events, for who follows them. */
  readonly hub: EventHub
  readonly presence: Presence
  readonly moves: Moves
  readonly instances: Instances
  readonly streams: Streams
  readonly executions: ExecutionWatch
  readonly operatorEnds: OperatorEnds
  readonly telemetry: TelemetryStore
  readonly telemetryLimit: RateLimit
  /** What a node sends beside telemetry. */
  readonly nodeWrites: RateLimit
  /** Whole states that it is given. */
  readonly statePulls: RateLimit
  readonly keyRotations: RateLimit
  readonly artifacts: ArtifactFiles
  /** Report batches that were taken, but whose answer did not leave: node id -> digest of the batch. */
  readonly lostReportAnswers: Map<string, string>
  readonly bodies: Bodies
  readonly parser: Parser
  /** How many entries of its last batch each Go node was not given a place for. */
  readonly reportsLeftOut: Map<string, number>
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  /** `https://host:port`, as nodes reach us. */
  publicUrl(): string
  /** From the moment of stopping: no new work is taken. */
  isStopping(): boolean
}

/** An app that whoever serves it can point at its address, and take down. */
export interface RunningApp extends App, AsyncDisposable {
  servesAt(url: string): void
  /** What of the settings may change while it runs: whoever uses them asks each time. */
  reconfigure(config: Config): void
  stop(): void
}

/** Opens the data folder, alone, and reads from it what is kept in memory. */
export async function createApp(
  given: Config,
  { clock, log }: { clock: Clock; log: Log },
): Promise<RunningApp> {
  await using stack = new AsyncDisposableStack()
  let config = given
  const { dataDir } = config
  stack.use(claimDataDir(dataDir))
  const lockWaitMs = config.limits.database_lock_wait
  const database = join(dataDir, 'control-plane.db')
  const masterKey = await loadMasterKey({
    path: config.masterKeyFile ?? join(dataDir, 'master.key'),
    isNew: !existsSync(database),
  })
  const metrics = stack.use(createMetrics())
  const store = stack.use(
    await openSqliteStore(database, {
      onGroup: metrics.committed,
      lockWaitMs,
    }),
  )
  const telemetry = stack.use(
    openSqliteTelemetry(join(dataDir, 'telemetry.db'), { now: clock.now, lockWaitMs }),
  )
  const nowMs = clock.now()
  await prepareInstallation(store, { dataDir, meshCidr: config.meshCidr ?? '10.100.0.0/16', nowMs })
  await checkMeshRange(store.reader, config, log)

  const fleet = await loadFleet(store.reader, nowMs)
  const draft = await loadFleet(store.reader, nowMs)
  const life = createPresentLife()
  const heads = await loadHeads(store.reader, {
    epoch: (await readSetting(store.reader, 'epoch')) ?? '',
    life: life.id,
    prunedThrough: Number((await readSetting(store.reader, 'events_pruned_through')) ?? 0),
    nodes: Array.from(fleet.allNodes(), ({ no }) => no),
  })
  const hub = createEventHub(heads)
  const presence = createPresence(clock, config)
  const moves = createMoves(config.limits, clock.monotonic)
  for (const { no, last_seen_at, endpoint_untold } of await readPresent(store)) {
    presence.expect(no, last_seen_at)
    if (endpoint_untold === 1) moves.wait(no)
  }
  const pskMaster = await loadPskMaster(store, masterKey)
  const keyring = await openKeyring({ store, masterKey, clock })
  const { reader } = store
  const sealedSecrets = createSealedSecrets(reader, masterKey)
  const entries = createNodeEntries(reader, config.limits)
  const frames = createFrames({
    heads,
    keyring,
    sources: { reader, entries, fleet, pskMaster, now: clock.now },
    clock,
  })

  const parser = stack.use(createParser())
  const rateLimits = rateLimitsOf(config.limits, clock)
  let url = config.publicUrl ?? ''
  let stopping = false
  const opened = stack.move()
  return {
    get config() {
      return config
    },
    reconfigure(next) {
      config = next
    },
    store,
    fleet,
    change: createChange({
      store,
      fleet,
      draft,
      life,
      now: clock.now,
      publish(events) {
        sealedSecrets.forget()
        metrics.published(events)
        hub.publish(events)
      },
    }),
    masterKey,
    masterKeyRotation: createMasterKeyRotation({ store, masterKey, sealedSecrets, log }),
    sealedSecrets,
    entries,
    pskMaster,
    keyring,
    heads,
    hub,
    presence,
    moves,
    instances: createInstances({
      clock,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      onClone(no, { addresses }) {
        const { id, hostname } = fleet.nodeByNo(no) ?? {}
        log.warn('two machines have one identity: join one of them again with a new token', {
          node_id: id,
          hostname,
          addresses,
        })
      },
    }),
    executions: createExecutionWatch(clock),
    operatorEnds: createOperatorEnds(fleet),
    telemetry,
    ...rateLimits,
    artifacts: await openArtifactFiles(join(dataDir, 'artifacts')),
    lostReportAnswers: new Map(),
    bodies: createBodies(config.limits, (token, bytes) => {
      const node = fleet.nodeByTokenHash(tokenHash(token))
      if (node) rateLimits.nodeWrites.charge(node.id, { records: 0, bytes })
    }),
    parser,
    reportsLeftOut: new Map(),
    metrics,
    streams: createStreams({
      fleet,
      heads,
      hub,
      presence,
      frames,
      reader,
      clock,
      log,
      onDelivered: metrics.delivered,
    }),
    clock,
    log,
    publicUrl: () => url,
    servesAt(address) {
      url = config.publicUrl ?? address
    },
    isStopping: () => stopping,
    stop() {
      stopping = true
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function rateLimitsOf(limits: Limits, { monotonic }: Clock) {
  const bytesPerSecond = limits.node_bytes_per_second
  const limitOf = (recordsPerSecond: number): RateLimit =>
    createRateLimit(monotonic, { recordsPerSecond, bytesPerSecond, burstSeconds })
  return {
    telemetryLimit: limitOf(limits.telemetry_records_per_second),
    nodeWrites: limitOf(limits.node_writes_per_second),
    statePulls: createRateLimit(monotonic, {
      recordsPerSecond: Number.POSITIVE_INFINITY,
      bytesPerSecond: limits.node_state_bytes_per_second,
      burstSeconds,
    }),
    keyRotations: createRateLimit(monotonic, {
      recordsPerSecond: limits.key_rotations_per_minute / 60,
      bytesPerSecond,
      burstSeconds: 60,
    }),
  }
}

function readPresent(store: Store) {
  return store.reader
    .selectFrom('nodes')
    .select(['no', 'last_seen_at', 'endpoint_untold'])
    .where('removed_at', 'is', null)
    .execute()
}
