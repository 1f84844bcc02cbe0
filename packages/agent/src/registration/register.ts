import {
  ApiError,
  type Capabilities,
  type Client,
  type ControlApi,
  hostnameProblem,
  Peer,
  type RegisterRequest,
  type RegisterResponse,
  validatorOf,
} from '@plexd/protocol'
import {
  CliError,
  type Clock,
  createBackoff,
  exitCodes,
  type Log,
  wishedWaitMs,
} from '@plexd/runtime'
import { Type } from 'typebox'
import type { AgentConfig } from '../config/agent-config.ts'
import { describeFailure, failureOf, isTrustFailure } from '../control/failure.ts'
import { checkIdentity, type Identity } from '../identity/identity.ts'
import { publicKeyOf } from '../identity/keys.ts'
import { atRegistration } from './capabilities.ts'

export interface Registration {
  config: AgentConfig
  client: Pick<Client<ControlApi>, 'register'>
  token: string
  privateKey: string
  capabilities: Capabilities
  metadata: Record<string, string>
  /** Stops trying after this long; never when left out. */
  giveUpAfterMs?: number
  /** Told why each attempt failed that is followed by another. */
  onRetry?: (reason: string) => void
  clock: Clock
  log: Log
  signal?: AbortSignal
}

export interface Registered {
  identity: Identity
  /** Whom policy lets this node see. None when they do not fit: the first pull says what is wrong. */
  peers: readonly Peer[]
}

/**
 * Exchanges the bootstrap token for an identity. What may pass is tried again with the same token and key, which the
 * control plane answers with the same node; a refusal is a CliError that says what to do. Nothing is saved here.
 */
export async function register(registration: Registration): Promise<Registered> {
  const { config, clock, log, signal, giveUpAfterMs } = registration
  const startedMs = clock.monotonic()
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  for (;;) {
    try {
      return await attempt(registration)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isWorthRetrying(error)) throw explain(error, config)
      const backoffMs = backoff.nextMs()
      const delayMs = wishedWaitMs(error) ?? backoffMs
      if (giveUpAfterMs !== undefined && clock.monotonic() + delayMs - startedMs > giveUpAfterMs) {
        throw failureOf(error, config)
      }
      const reason = describeFailure(error, config)
      registration.onRetry?.(reason)
      log.warn('registration failed, will retry', {
        error: reason,
        retry_in_ms: Math.round(delayMs),
      })
      await clock.sleep(delayMs, signal)
    }
  }
}

async function attempt(registration: Registration): Promise<Registered> {
  const { config, client, token, privateKey, metadata, capabilities, signal } = registration
  const body: RegisterRequest = {
    token,
    public_key: publicKeyOf(privateKey),
    hostname: config.hostname,
    ...(config.hostnameChosen ? { hostname_chosen: true } : {}),
    metadata,
    capabilities: atRegistration(capabilities),
  }
  const { body: answer } = await client.register({ body, ...(signal ? { signal } : {}) })
  try {
    const identity = checkIdentity({
      node_id: answer.node_id,
      mesh_ip: answer.mesh_ip,
      ...rangesIn(answer),
      hostname: answer.hostname ?? config.hostname,
      private_key: privateKey,
      signing_public_key: answer.signing_public_key,
      node_secret_key: answer.node_secret_key,
      ...(answer.node_token ? { node_token: answer.node_token } : {}),
    })
    return { identity, peers: knownPeers().Check(answer.peers) ? answer.peers : [] }
  } catch (cause) {
    throw new CliError(
      'registration answer of the control plane cannot be an identity',
      undefined,
      {
        cause,
      },
    )
  }
}

/** As they are said: a control plane that has only one may say so in the older way. */
function rangesIn({
  mesh_ranges,
  mesh_range,
}: RegisterResponse): Pick<Identity, 'mesh_range' | 'mesh_ranges'> {
  return {
    ...(mesh_range === undefined ? {} : { mesh_range }),
    ...(mesh_ranges ? { mesh_ranges } : {}),
  }
}

const knownPeers = validatorOf(Type.Array(Peer))

function isWorthRetrying(error: unknown): boolean {
  if (error instanceof CliError || isTrustFailure(error)) return false
  if (!(error instanceof ApiError)) return true
  return error.status >= 500 || error.status === 408 || error.status === 429
}

function explain(error: unknown, config: AgentConfig): CliError {
  if (error instanceof CliError) return error
  if (!(error instanceof ApiError)) return failureOf(error, config)
  if (error.status === 401) {
    return new CliError(
      `register "${config.hostname}": ${error.message}: make a new token with "plexctl token create"`,
      exitCodes.denied,
    )
  }
  if (error.status === 400 && hostnameProblem(config.hostname) !== undefined) {
    return new CliError(
      `register "${config.hostname}": ${error.message}: give this node another name with --hostname NAME, or "hostname:" in the config file`,
    )
  }
  if (error.status === 409) {
    return new CliError(
      `register "${config.hostname}": ${error.message}: choose another with --hostname, or free it with "plexctl node remove ${config.hostname}"`,
    )
  }
  return failureOf(error, config)
}
