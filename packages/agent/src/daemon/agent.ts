import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  type Capabilities,
  type Client,
  type ControlApi,
  type DaemonStatus,
} from '@plexd/protocol'
import { CliError, describeError, diskFault, handOver } from '@plexd/runtime'
import type { Static } from 'typebox'
import { type AgentConfig, requireApiUrl } from '../config/agent-config.ts'
import { type AnswerGate, createAnswerGate } from '../control/answer-gate.ts'
import { openControlClient } from '../control/client.ts'
import { createCredentials } from '../control/credentials.ts'
import { describeForeign } from '../control/failure.ts'
import type { Disk } from '../disk/disk.ts'
import { createIdentityStore, type IdentityStore, loadIdentity } from '../identity/identity.ts'
import { type LocalApi, startLocalApi } from '../local-api/server.ts'
import {
  atRegistration,
  createCapabilityMark,
  describeCapabilities,
} from '../registration/capabilities.ts'
import { enrol } from '../registration/enrol.ts'
import { version } from '../version.ts'
import { startControlLoops } from './control-loops.ts'
import { type AgentDeps, type Core, openCore } from './core.ts'

/** A running plexd. Disposing stops all of it within 5 s; the node stays registered, unless configured otherwise. */
export interface Agent extends AsyncDisposable {
  readonly nodeId: string
  status(): Static<typeof DaemonStatus>
  /**
   * Takes what of these settings may change while it runs, says which may not, and trusts what is in the CA file now.
   * The token file of the Local Node API is looked at by itself.
   */
  reload(config: AgentConfig): void
  /** Pull and apply soon. */
  reconcile(): void
}

/**
 * Starts the daemon. The Local Node API answers from the cached state, and the mesh is restored from it, before the
 * first word with the control plane; without an identity the node is enrolled first, which takes as long as it takes.
 * Rejects with a CliError when a person has to act.
 */
export async function startAgent(config: AgentConfig, deps: AgentDeps): Promise<Agent> {
  requireApiUrl(config)
  await using stack = new AsyncDisposableStack()
  const core = stack.use(await openCore(config, deps))
  const { clock, log, skew } = core
  const { device, applier } = core.mesh

  stack.use(await openLocalApi(core))

  const capabilities = await describeCapabilities(config.actionsEnabled ? core.actions : [])
  const identity = await openIdentity(core, capabilities, deps)
  core.identity = identity
  const { private_key, pending_private_key } = identity.current()
  await device.setPrivateKey(private_key)
  if (pending_private_key !== undefined) device.holdPsks()
  await applier.apply().catch((error: unknown) => log.error('cached mesh not applied', { error }))

  const credentials = createCredentials(identity, {
    onBack: async (privateKey) => core.loops?.useKey(privateKey),
    log,
  })
  const gate = openGate(core, identity)
  const { client, keepOnly, reloadCa } = stack.use(
    openControlClient(config, {
      credentials,
      gate,
      instance: core.instance,
      skew,
      clock,
      lookup: core.names.lookup,
    }),
  )
  if (config.deregisterOnShutdown) stack.defer(() => deregister(client, core, identity))
  const loops = stack.use(
    await startControlLoops({
      core,
      identity,
      credentials,
      client,
      gate,
      keepOnly,
      capabilities,
      onFirstConnect: () => void keepSettings(core, deps),
    }),
  )
  core.loops = loops

  log.info('plexd is up', { version, node_id: identity.current().node_id, url: config.apiUrl })

  return {
    nodeId: identity.current().node_id,
    status: core.describe,
    reload(next) {
      reloadCa()
      const settings = needsRestart(config, next)
      if (settings.length > 0) log.warn('settings change with the next start only', { settings })
    },
    reconcile: loops.reconcile,
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** What the control plane has shown is kept with the identity; what something else answers is a problem of its own. */
function openGate(core: Core, identity: IdentityStore): AnswerGate {
  const { config, problems, log } = core
  return createAnswerGate({
    hasShown: identity.current().marked_answers ?? false,
    onShown() {
      identity
        .update((now) => ({ ...now, marked_answers: true }))
        .catch((error: unknown) => log.warn('identity cannot be saved', { error }))
    },
    onForeign(answer) {
      if (answer) problems.set('answers', describeForeign(answer, config))
      else problems.clear('answers')
    },
    onBack: () => core.loops?.wake(),
  })
}

/** The names of settings that differ; only the log level changes while it runs. */
function needsRestart(running: AgentConfig, next: AgentConfig): string[] {
  const names = Object.keys({ ...running, ...next }) as (keyof AgentConfig)[] // both are of that type
  return names.filter(
    (name) => name !== 'logLevel' && !isDeepStrictEqual(running[name], next[name]),
  )
}

/** Answers before there is an identity: then it holds nothing, and its status says why. */
async function openLocalApi(core: Core): Promise<LocalApi> {
  const { config, desired, reports, problems, clock, log } = core
  try {
    return await startLocalApi({
      socketPath: config.socketEnabled ? config.socketPath : undefined,
      http: config.httpEnabled
        ? { listen: config.httpListen, tokenFile: config.httpTokenFile }
        : undefined,
      desired,
      reports,
      status: core.describe,
      // As who sends the signal would, and so with all that belongs to it.
      stop: () => process.kill(process.pid, 'SIGTERM'),
      peers: core.mesh.describePeers,
      policies: core.mesh.describePolicies,
      network: core.mesh.checkNetwork,
      fetchSecret: async (key, signal) => {
        if (!core.loops) throw new ApiError('unavailable', 'the node is not registered yet')
        return core.loops.fetchSecret(key, signal)
      },
      nsk: () => core.identity?.current().node_secret_key ?? '',
      limits: config.limits,
      problems,
      clock,
      log,
    })
  } catch (error) {
    throw new CliError(`serve the Local Node API: ${describeError(error)}`)
  }
}

async function openIdentity(
  core: Core,
  capabilities: Capabilities,
  { env = process.env, signal, remember }: AgentDeps,
): Promise<IdentityStore> {
  const { config, database, desired, disk, problems, clock, log } = core
  const saved = await loadIdentity(config.dataDir, config.hostname)
  if (saved) return createIdentityStore(config.dataDir, saved, core.disk.failed)
  const gate = createAnswerGate()
  const identity = await onceThereIsRoom(disk, signal, () =>
    enrol({
      gate,
      config,
      capabilities,
      env,
      desired,
      onRetry: (reason) => problems.set('enrolment', `not registered yet, still trying: ${reason}`),
      clock,
      log,
      ...(signal ? { signal } : {}),
      ...(remember ? { remember } : {}),
    }),
  )
  problems.clear('enrolment')
  try {
    createCapabilityMark(database, gate.life).setSent(atRegistration(capabilities))
  } catch (error) {
    if (diskFault(error) === undefined) throw error // otherwise they are sent once more
  }
  return createIdentityStore(config.dataDir, identity, core.disk.failed)
}

/** A registration that the disk does not take is done again: the control plane knows it by its key. */
async function onceThereIsRoom<T>(
  disk: Disk,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (diskFault(error) === undefined) throw error
      disk.failed(error)
      await disk.room(signal)
    }
  }
}

/** Of a node that was enrolled before, or whose control plane has moved: it is reached by these. */
async function keepSettings({ disk, log }: Core, { remember }: AgentDeps): Promise<void> {
  try {
    await remember?.()
  } catch (error) {
    disk.failed(error)
    log.warn('settings cannot be remembered', { error: describeError(error) })
  }
}

const deregisterMs = 2_000

async function deregister(
  client: Pick<Client<ControlApi>, 'deregister'>,
  { mesh, log }: Core,
  identity: IdentityStore,
): Promise<void> {
  const { node_id } = identity.current()
  try {
    await client.deregister({ params: { node_id }, signal: AbortSignal.timeout(deregisterMs) })
    log.info('deregistered', { node_id })
    await mesh.leave()
  } catch (error) {
    log.warn('cannot deregister', { node_id, error: describeError(error) })
  }
}
