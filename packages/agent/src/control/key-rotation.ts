import {
  ApiError,
  type Client,
  type ControlApi,
  type Peer,
  type RotateKeysResponse,
  withKnownWords,
} from '@plexd/protocol'
import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { bearerOf, type Identity, type IdentityStore, withKeys } from '../identity/identity.ts'
import { generatePrivateKey, publicKeyOf } from '../identity/keys.ts'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { createRetryDelay } from './retry-delay.ts'

/** Rotates this node's WireGuard key on request, and with it the NSK and the token. */
export interface KeyRotation extends AsyncDisposable {
  /**
   * Resolves when the intent is durable. Requests during a rotation are merged into it, and an event that was
   * already handled is ignored; a request without an event (a heartbeat's hint) always counts.
   */
  request(eventId?: string): Promise<void>
}

export interface KeyRotationDeps {
  identity: IdentityStore
  client: Pick<Client<ControlApi>, 'rotateKeys'>
  /** Announces the new key to the control plane, which then issues PSKs for it. */
  prepare(): void
  /** Stores the peers with their new PSKs. */
  takePeers(peers: readonly Peer[]): Promise<void>
  /** Puts the new key, and the PSKs with it, into force. */
  promote(privateKey: string): Promise<void>
  /** How long before its use the new key is announced to peers. */
  noticeMs: number
  describe(error: unknown): string
  clock: Clock
  log: Log
}

const idleMs = 24 * 3_600_000

/**
 * The new key is stored as pending before it is announced, and takes effect only after the control plane has agreed:
 * after a crash at any moment, either both sides know the key, or it is pending and announced again. New secrets are
 * stored before they are used: only their use invalidates the old ones.
 */
export function startKeyRotation(deps: KeyRotationDeps): KeyRotation {
  const { identity, client, clock, log } = deps
  const trigger = createTrigger(clock)
  const retryDelay = createRetryDelay({
    usual: createBackoff({ minMs: 1_000, maxMs: 60_000 }),
  })

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = await attempt(signal)
      await trigger.wait(waitMs, signal)
    }
  }

  async function attempt(signal: AbortSignal): Promise<number> {
    const pending = identity.current().pending_private_key
    if (pending === undefined) return idleMs
    try {
      await rotate(pending, signal)
      retryDelay.reset()
      return idleMs
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ApiError && error.status === 409) renew()
      const waitMs = retryDelay.nextMs(error)
      log.warn('key rotation failed, will retry', {
        error: deps.describe(error),
        retry_in_ms: Math.round(waitMs),
      })
      return waitMs
    }
  }

  async function rotate(pending: string, signal: AbortSignal): Promise<void> {
    const { node_id } = identity.current()
    deps.prepare()
    const { body } = await client.rotateKeys({
      body: { node_id, new_public_key: publicKeyOf(pending) },
      signal,
    })
    await identity.update((now) => withSecrets(now, body))
    await deps.takePeers((body.updated_peers ?? []).map(withKnownWords))
    await clock.sleep(deps.noticeMs, signal)
    await identity.update(({ pending_private_key, ...now }) => ({ ...now, private_key: pending }))
    await deps.promote(pending)
    log.info('WireGuard key rotated', { node_id, public_key: publicKeyOf(pending) })
  }

  /** Another node has this key: practically impossible, but must not loop forever. */
  function renew(): void {
    identity
      .update((now) => ({ ...now, pending_private_key: generatePrivateKey() }))
      .catch((error: unknown) => log.error('new key cannot be saved', { error }))
  }

  const task = startTask(run)
  return {
    async request(eventId) {
      await identity.update((now) => {
        if (eventId !== undefined && now.rotation_event_id === eventId) return now
        return {
          ...now,
          pending_private_key: now.pending_private_key ?? generatePrivateKey(),
          ...(eventId === undefined ? {} : { rotation_event_id: eventId }),
        }
      })
      trigger.fire()
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

/** With the new secrets; those that they replace are kept. */
function withSecrets(now: Identity, { node_secret_key, node_token }: RotateKeysResponse): Identity {
  const next = {
    ...now,
    ...(node_secret_key ? { node_secret_key } : {}),
    ...(node_token ? { node_token } : {}),
  }
  // If the answer was lost, the same ones are sent again.
  if (bearerOf(next) === bearerOf(now)) return next
  return withKeys(now, next)
}
