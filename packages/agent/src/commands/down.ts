import { createClient, localApi } from '@plexd/protocol'
import {
  CliError,
  createLog,
  createUnixTransport,
  ExecError,
  exitCodes,
  printJson,
  systemClock,
} from '@plexd/runtime'
import type { AgentConfig } from '../config.ts'
import { removeBackstops } from '../firewall/backstop.ts'
import { createNftables } from '../firewall/nftables.ts'
import type { Identity } from '../identity.ts'
import { removeStunRules } from '../nat/wireguard-port.ts'
import { findInterface } from '../wireguard/find-interface.ts'
import { lockHolder, lockInterface, lockPacketFilter } from '../wireguard/interface-lock.ts'
import { removeMeshRouting } from '../wireguard/mesh-routing.ts'
import { type Flags, loadConfigFor } from './flags.ts'

/** Stops the daemon, if one runs, and removes what it has made of the network. The node stays registered. */
export async function runDown(flags: Flags, { json }: { json?: boolean }): Promise<void> {
  const config = await loadConfigFor(flags)
  if (process.getuid?.() !== 0) {
    throw new CliError('take the mesh down: run this as root', exitCodes.denied)
  }
  const result = await takeDown(config)
  if (json) printJson(result)
  else process.stdout.write(describe(result, config))
}

export interface TakenDown {
  /** Whether a daemon ran, which has been stopped. */
  stopped: boolean
  interface_removed: boolean
}

/**
 * What is not there is no failure. With an identity only what belongs to it: another plexd on this machine, with
 * another data dir, is left alone.
 */
export async function takeDown(config: AgentConfig, identity?: Identity): Promise<TakenDown> {
  const stopped = await stopDaemon(config, identity)
  const keys = identity && [identity.private_key, identity.pending_private_key ?? '']
  if (identity && !stopped && !(await findInterface(config.meshInterface, keys))) {
    // It may be gone while what keeps packets for it from leaving in clear is not.
    if (!(await findInterface(config.meshInterface))?.isThere) {
      await removeMeshRouting(config.meshInterface)
      await removeBackstops(config.meshInterface)
    }
    return { stopped, interface_removed: false }
  }
  await using _lock = await waitForLock(config)
  const found = await findInterface(config.meshInterface, keys)
  await found?.remove()
  if (found || !identity || stopped) await removeMeshRouting(config.meshInterface)
  await using isOurs = await lockPacketFilter()
  if (isOurs && (found || !identity)) await removeTables()
  return { stopped, interface_removed: found?.isThere === true }
}

/** The daemon removes that of STUN itself, unless it is killed. */
async function removeTables(): Promise<void> {
  await removeBackstops()
  try {
    await createNftables({ log: createLog('plexd', 'warn') }).remove()
    await removeStunRules()
  } catch (error) {
    // Without nft there never were any.
    if (!(error instanceof ExecError && error.missing)) throw error
  }
}

/**
 * False when no daemon answers, or one of another node. It is asked, and not sent a signal: the process id that it
 * knows of itself may be that of another program here, where it runs in another namespace.
 */
async function stopDaemon(
  { socketPath }: AgentConfig,
  identity: Identity | undefined,
): Promise<boolean> {
  const client = createClient(localApi, createUnixTransport(socketPath, 2_000))
  const status = await client.getStatus({}).catch(() => undefined)
  if (!status || (identity && status.body.node_id !== identity.node_id)) return false
  await client.stop({})
  return true
}

const patienceMs = 10_000

/** A daemon that still runs would bring back what is removed. */
async function waitForLock({ meshInterface, socketPath }: AgentConfig): Promise<AsyncDisposable> {
  const untilMs = systemClock.monotonic() + patienceMs
  for (;;) {
    const lock = await lockInterface(meshInterface)
    if (lock) return lock
    if (systemClock.monotonic() > untilMs) {
      throw new CliError(
        `a plexd that does not answer at "${socketPath}" still drives interface "${meshInterface}"${inParentheses(await lockHolder(meshInterface))}: stop it first, with "systemctl stop plexd", or name its socket with --socket`,
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
