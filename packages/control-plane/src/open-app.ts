import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import { createNodeBudgets } from './access/node-budgets.ts'
import { createOperatorEnds } from './access/operator-ends.ts'
import type { RunningApp } from './app.ts'
import { openArtifactFiles } from './artifacts/files.ts'
import { createChange } from './change.ts'
import type { Config } from './config/config.ts'
import { createNodeEntries } from './entries/node-entries.ts'
import { createSealedSecrets } from './entries/sealed-secrets.ts'
import { createFrames } from './events/frames.ts'
import { loadHeads } from './events/heads.ts'
import { openKeyring } from './events/keyring.ts'
import { createStreams } from './events/streams.ts'
import { createExecutionWatch } from './executions/watch.ts'
import { createBodies } from './http/bodies/bodies.ts'
import { createMetrics } from './http/metrics.ts'
import { createCommitLog } from './log/log.ts'
import { newLifeId } from './log/position.ts'
import type { NodeRecord } from './mesh/fleet.ts'
import { followNodes } from './nodes/follow-nodes.ts'
import { createParser } from './parser/parser.ts'
import { createInstances } from './presence/instances.ts'
import { createMoves } from './presence/moves.ts'
import { createNodeNotes } from './presence/notes.ts'
import { createPresence } from './presence/presence.ts'
import { createMasterKeyRotation } from './rotation/master-key.ts'
import { followFleet, loadFleet } from './rows/fleet/load-fleet.ts'
import { readLastSeen } from './rows/fleet/node-lookups.ts'
import { settleFirstTenant } from './rows/fleet/tenants.ts'
import { loadPskMaster } from './rows/psk-keys.ts'
import { loadMasterKey } from './seal/master-key.ts'
import { claimDataDir } from './start/data-dir-lock.ts'
import { checkMeshRange, prepareInstallation } from './start/first-start.ts'
import { openSqliteStore } from './store/sqlite.ts'
import { openSqliteTelemetry } from './telemetry/sqlite-store.ts'

/** Locks and opens the data folder, and loads what is held in memory. */
export async function openApp(
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

  const firstTenantId = await settleFirstTenant(store)
  const fleet = await loadFleet(store.reader, nowMs)
  const draft = await loadFleet(store.reader, nowMs)
  const life = newLifeId()
  const heads = await loadHeads(store.reader, {
    life,
    nodes: Array.from(fleet.allNodes(), ({ no }) => no),
  })
  const commits = createCommitLog({ lastSeq: heads.last(), life })
  const presence = createPresence(clock, config)
  const notes = createNodeNotes(fleet)
  const moves = createMoves(config.limits, clock.monotonic)
  for (const { no, last_seen_at } of await readLastSeen(store.reader))
    presence.expect(no, last_seen_at)
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
  const instances = createInstances({
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
  })
  const streams = createStreams({
    fleet,
    heads,
    presence,
    frames,
    reader,
    clock,
    log,
    onDelivered: metrics.delivered,
  })
  const operatorEnds = createOperatorEnds(fleet)
  const change = createChange({ store, draft, log: commits, now: clock.now })
  for (const follower of [
    followNodes({ fleet, presence, streams, instances, notes }), // first, because it needs the fleet from before the change
    followFleet(fleet),
    operatorEnds.follow,
    entries.follow,
    sealedSecrets.follow,
    keyring.follow,
    heads.follow,
    metrics.follow,
    streams.follow, // last, because payloads are built from all the others
  ])
    commits.follow(follower)

  const artifacts = await openArtifactFiles(join(dataDir, 'artifacts'))
  const parser = stack.use(createParser(config.limits))
  const budgets = createNodeBudgets(config.limits, clock)
  let url = config.publicUrl ?? ''
  let stopping = false
  return {
    get config() {
      return config
    },
    reconfigure(next) {
      config = next
    },
    store,
    fleet,
    firstTenantId,
    change,
    masterKey,
    masterKeyRotation: createMasterKeyRotation({ store, change, masterKey, log }),
    sealedSecrets,
    entries,
    pskMaster,
    keyring,
    heads,
    commits,
    presence,
    moves,
    notes,
    instances,
    executions: createExecutionWatch(clock),
    operatorEnds,
    telemetry,
    budgets,
    artifacts,
    bodies: createBodies(config.limits, (principal, bytes) => {
      const { id } = principal as NodeRecord // what is counted comes from nodes
      budgets.writes.charge(id, { bytes })
    }),
    parser,
    metrics,
    streams,
    clock,
    log,
    life,
    publicUrl: () => url,
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
    [Symbol.asyncDispose]: handOver(stack),
  }
}
