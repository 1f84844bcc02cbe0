import type { Capabilities, DaemonStatus } from '@plexd/protocol'
import { CliError, describeError, handOver } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { ReloadReport } from '../actions/builtin/node-facts.ts'
import { stopExecutorMs } from '../actions/executor.ts'
import { type AgentConfig, requireApiUrl } from '../config/agent-config.ts'
import { type LocalApi, startLocalApi } from '../local-api/server.ts'
import { describeBinary, describeCapabilities } from '../registration/capabilities.ts'
import { supervisorOf } from '../upgrade/self.ts'
import { version } from '../version.ts'
import { sessionSupport } from './loops/open-sessions.ts'
import { readAgain, takeOver } from './reload.ts'
import { untilDelivered } from './restart.ts'
import { startRunning } from './running.ts'
import { type AgentDeps, type Core, openCore } from './stages/core.ts'
import { openEnrolled } from './stages/enrolled.ts'
import { findIdentity } from './stages/find-identity.ts'

/** A running plexd. Disposing stops all of it within `stopAgentMs`; the node stays registered, unless configured otherwise. */
export interface Agent extends AsyncDisposable {
  readonly nodeId: string
  status(): Static<typeof DaemonStatus>
  /**
   * Reads the settings again, applies those that may change at runtime, reports those that may not, and reloads the CA file.
   * Rejects, and changes no setting, if they are not valid.
   * The token file of the Local Node API is watched separately.
   */
  reload(): Promise<ReloadReport>
  /** Pull and apply soon. */
  reconcile(): void
}

/** 5 s, unless actions run that have to finish or to be cancelled first. */
export const stopAgentMs = stopExecutorMs + 5_000

/**
 * Starts the daemon in stages: each is built from the one before, and is stopped before it. The Local Node API answers
 * from the cached state, and the mesh is restored from it, before the first request to the control plane. Without an
 * identity the node is enrolled first, with retries for as long as necessary.
 * Rejects with a CliError if a person has to act.
 */
export async function startAgent(given: AgentConfig, deps: AgentDeps): Promise<Agent> {
  requireApiUrl(given)
  // A copy: a reload changes it.
  const config = { ...given }
  await using stack = new AsyncDisposableStack()
  const core = stack.use(await openCore(config, deps))
  stack.use(await openLocalApi(core))
  deps.onServing?.(core.shown.status)
  const binary = await describeBinary()
  const capabilities = (): Capabilities =>
    describeCapabilities(binary, {
      actions: config.actionsEnabled ? core.actions.all() : [],
      maxConcurrent: config.maxConcurrentActions,
      maxActionMs: config.maxActionMs,
      sessions: sessionSupport(core),
      metricsListen: config.observeEnabled ? config.observeListen : undefined,
    })
  const identity = await findIdentity(core, capabilities(), deps)
  const enrolled = stack.use(await openEnrolled(core, identity, deps))
  const onFirstConnect = (): void => void keepSettings(core, deps)
  const running = stack.use(await startRunning(enrolled, { ...deps, capabilities, onFirstConnect }))

  const { log, shown, requests } = core
  const { readSettings = async () => given } = deps
  const { node_id } = identity.current()
  log.info('plexd is up', { version, node_id, url: config.apiUrl })

  async function reload(): Promise<ReloadReport> {
    const next = await readAgain(readSettings, core.problems)
    enrolled.reloadCa()
    const report = takeOver(config, next)
    core.reloads.needsRestart = report.needs_restart
    deps.setLogLevel?.(config.logLevel)
    running.announce()
    const settings = report.needs_restart
    if (settings.length > 0) log.warn('settings change with the next start only', { settings })
    return report
  }

  const { restart } = deps
  shown.show({ reload })
  if (restart) shown.show({ restart: () => restartSoon(core, restart) })
  return {
    nodeId: node_id,
    status: shown.status,
    reload,
    reconcile: requests.ask,
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** After the results of actions, that of this one too, have reached the control plane. */
function restartSoon({ shown, clock }: Core, restart: () => void): void {
  void untilDelivered(() => shown.status().counts.pending_results, clock).then(restart)
}

/** Serves even before there is an identity: then it is empty, and its status says why. */
async function openLocalApi(core: Core): Promise<LocalApi> {
  const { config } = core
  try {
    return await startLocalApi({
      ...core,
      ...core.shown,
      socketPath: config.socketEnabled ? config.socketPath : undefined,
      http: config.httpEnabled
        ? { listen: config.httpListen, tokenFile: config.httpTokenFile }
        : undefined,
      // Like SIGTERM, so with everything that belongs to it. A version on trial that just ended would be started again.
      stop: () => process.kill(supervisorOf() ?? process.pid, 'SIGTERM'),
      limits: config.limits,
    })
  } catch (error) {
    throw new CliError(`serve the Local Node API: ${describeError(error)}`)
  }
}

/** For a node that was enrolled earlier, or whose control plane has moved: stores the current address. */
async function keepSettings({ disk, log }: Core, { remember }: AgentDeps): Promise<void> {
  try {
    await remember?.()
  } catch (error) {
    disk.failed(error)
    log.warn('settings cannot be remembered', { error: describeError(error) })
  }
}
