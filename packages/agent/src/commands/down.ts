import { createClient, localApi } from '@plexd/protocol'
import { CliError, createUnixTransport, exitCodes, printJson, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { stopAgentMs } from '../daemon/agent.ts'
import type { Identity } from '../identity/identity.ts'
import { removeFootprint } from '../mesh/footprint.ts'
import { endEarlierBuild, isOfEarlierBuild } from '../process/earlier-build.ts'
import { type FoundInterface, findInterface } from '../wireguard/interface/find-interface.ts'
import { lockHolder, lockInterface } from '../wireguard/interface/interface-lock.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'

/** Stops the daemon, if one is running, and removes everything it has configured in the network. The node stays registered. */
export async function runDown(flags: Flags, { json }: Json): Promise<void> {
  const config = await loadConfigFor(flags)
  if (process.getuid?.() !== 0) {
    throw new CliError('take the mesh down: run this as root', exitCodes.denied)
  }
  const result = await takeDown(config)
  if (json) printJson(result)
  else process.stdout.write(describe(result, config))
}

export interface TakenDown {
  /** Whether a daemon was running and has been stopped. */
  stopped: boolean
  interface_removed: boolean
}

/**
 * Something missing is not a failure. With an identity, removes only what belongs to it: another plexd on this machine, with
 * another data dir, is left alone.
 */
export async function takeDown(config: AgentConfig, identity?: Identity): Promise<TakenDown> {
  const { meshInterface: interfaceName, socketPath } = config
  const stopped = await stopDaemon(config, identity)
  const keys = identity && [identity.private_key, identity.pending_private_key ?? '']
  const find = (): Promise<FoundInterface | undefined> => findInterface(interfaceName, keys)
  const isCertain = stopped || !identity || (await find()) !== undefined
  const isOthers = !isCertain && (await findInterface(interfaceName))?.isThere === true
  // Another plexd may be about to create its own.
  await using lock = isCertain ? await waitForLock(config) : await lockInterface(interfaceName)
  if (isOthers || !lock) return { stopped, interface_removed: false }
  const found = await find()
  await removeFootprint({
    interfaceName,
    socketPath,
    isCertain: stopped || !identity || found !== undefined,
    removeInterface: async () => found?.remove(),
  })
  return { stopped, interface_removed: found?.isThere === true }
}

/**
 * False if no daemon answers, or one of another node. The daemon is asked through its socket; only one too old for
 * that gets a signal, because the PID it reports may belong to another program here if it runs in its own PID namespace.
 */
async function stopDaemon(
  { socketPath }: AgentConfig,
  identity: Identity | undefined,
): Promise<boolean> {
  const client = createClient(localApi, createUnixTransport(socketPath, 2_000))
  const status = await client.getStatus({}).catch(() => undefined)
  if (!status || (identity && status.body.node_id !== identity.node_id)) return false
  try {
    await client.stop({})
  } catch (error) {
    if (!isOfEarlierBuild(error)) throw error
    await endEarlierBuild(socketPath)
  }
  return true
}

/** It may have actions to finish first. */
const patienceMs = stopAgentMs + 5_000

/** A running daemon would restore what is removed. */
async function waitForLock({ meshInterface, socketPath }: AgentConfig): Promise<AsyncDisposable> {
  const untilMs = systemClock.monotonic() + patienceMs
  for (;;) {
    const lock = await lockInterface(meshInterface)
    if (lock) return lock
    if (systemClock.monotonic() > untilMs) {
      throw new CliError(
        `a plexd that does not answer at "${socketPath}" still drives interface "${meshInterface}"${inParentheses(lockHolder(meshInterface))}: stop it first, with "systemctl stop plexd", or name its socket with --socket`,
      )
    }
    await systemClock.sleep(50)
  }
}

function inParentheses(text: string): string {
  return text === '' ? '' : ` (${text})`
}

function describe(
  { stopped, interface_removed }: TakenDown,
  { meshInterface }: AgentConfig,
): string {
  const lines = [
    stopped ? 'plexd stopped' : 'no daemon answered',
    interface_removed ? `interface ${meshInterface} removed` : `no interface ${meshInterface}`,
  ]
  return `${lines.join('\n')}\n`
}
