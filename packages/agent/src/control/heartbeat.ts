import {
  ApiError,
  type Client,
  type ControlApi,
  type HeartbeatRequest,
  type IdentityInUse,
} from '@plexd/protocol'
import { withJitter } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { type AskingDeps, createAcceptance } from './acceptance.ts'
import { isRefusal } from './client/failure.ts'

export interface HeartbeatDeps extends AskingDeps {
  client: Pick<Client<ControlApi>, 'heartbeat'>
  nodeId: string
  /** The path of the identity, for the operator's action if another machine has it too. */
  dataDir: string
  /** The current body. */
  describeNode(): HeartbeatRequest
  /** The control plane requests a reconciliation. */
  onReconcile(): void
  onRotateKeys(): Promise<void>
  /** The STUN servers that the control plane names; undefined if it names none. */
  onStunServers(named: readonly string[] | undefined): void
  /** What is told soon when it is another. */
  installation: { heeded(): unknown; onChange(listener: () => void): () => void }
}

/** Jitter, so that a fleet that started together does not report together. */
const jitter = 0.1

/** Changed problems are reported early: this long after the last heartbeat, and not before they have settled. */
const earlyMs = 5_000
const settleMs = 1_000
const earlyJitter = 0.5
const idleMs = 24 * 3_600_000

export interface Heartbeat extends AsyncDisposable {
  /** The control plane is back: repeats a failed heartbeat now. */
  wake(): void
}

/** Reports at once, then at each interval and soon after problems change, that the node is alive, and follows the hints in the answer. */
export function startHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { client, nodeId, vitals, problems, installation, clock, random } = deps
  const intervalMs = (): number => withJitter(deps.intervalMs, jitter, random)
  const usual = { nextMs: intervalMs, reset() {} }
  const acceptance = createAcceptance(deps, { usual, refusedMs: 60_000 })

  const trigger = createTrigger(clock)
  const changed = createTrigger(clock)
  const listening = [problems.onChange(changed.fire), installation.onChange(changed.fire)]
  let hasFailed = false
  let beatMs = clock.monotonic()
  let said = ''
  // No heartbeat can report that heartbeats fail.
  const toSay = (): string =>
    JSON.stringify([
      problems.parts().filter((part) => part !== 'heartbeat' && part !== 'refused'),
      installation.heeded(),
    ])

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) await trigger.wait(await beat(signal), signal)
  }

  async function tellSoon(signal: AbortSignal): Promise<void> {
    for (;;) {
      await changed.wait(idleMs, signal)
      const sinceMs = clock.monotonic() - beatMs
      const waitMs = withJitter(earlyMs, earlyJitter, random) - sinceMs
      await clock.sleep(Math.max(settleMs, waitMs), signal)
      if (!hasFailed && toSay() !== said) trigger.fire()
    }
  }

  async function beat(signal: AbortSignal): Promise<number> {
    beatMs = clock.monotonic()
    const saying = toSay()
    try {
      const params = { node_id: nodeId }
      const { body } = await client.heartbeat({ params, body: deps.describeNode(), signal })
      vitals.last_heartbeat_at = new Date(clock.now()).toISOString()
      problems.clear('heartbeat')
      acceptance.accepted()
      hasFailed = false
      said = saying
      problems.set('identity', describeCopy(body?.identity_in_use, deps.dataDir))
      deps.onStunServers(body?.stun_servers)
      if (body?.reconcile) deps.onReconcile()
      if (body?.rotate_keys) await deps.onRotateKeys()
      return intervalMs()
    } catch (error) {
      signal.throwIfAborted()
      return failed(error)
    }
  }

  function failed(error: unknown): number {
    hasFailed = true
    if (!isRefusal(error))
      problems.set('heartbeat', `no heartbeat gets through: ${deps.describe(error)}`)
    const waitMs = acceptance.failed('heartbeat failed', error)
    if (error instanceof ApiError) return waitMs
    // One that hung until its timeout is followed at once: a whole interval more, and the node would count as silent.
    return Math.max(waitMs - (clock.monotonic() - beatMs), settleMs)
  }

  const tasks = [startTask(run), startTask(tellSoon)]
  return {
    wake() {
      if (hasFailed) trigger.fire()
    },
    async [Symbol.asyncDispose]() {
      for (const stop of listening) stop()
      await Promise.all(tasks.map((task) => task[Symbol.asyncDispose]()))
    },
  }
}

/** Does not suggest "plexd deregister", which would remove the node for both machines. */
function describeCopy(use: IdentityInUse | undefined, dataDir: string): string | undefined {
  if (!use) return undefined
  const { since } = use
  const addresses = use.addresses.slice(0, 4).map((address) => address.slice(0, 64))
  return `another machine has the identity of this node too (since ${since}, seen from ${addresses.join(' and ')}), and the two put each other out: on the copy stop plexd, remove its data dir (here ${dataDir}), and join with a new token: plexd up --token TOKEN`
}
