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
  /** Never if left out. */
  giveUpAfterMs?: number
  /** Called with the reason before each retry. */
  onRetry?: (reason: string) => void
  clock: Clock
  log: Log
  signal?: AbortSignal
}

export interface Registered {
  identity: Identity
  /** Empty if invalid: the first pull reports what is wrong. */
  peers: readonly Peer[]
}

/**
 * Exchanges the bootstrap token for an identity. Temporary failures are retried with the same token and key, for which the
 * control plane returns the same node; a refusal is a CliError that says what to do. Saves nothing.
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
    const message = 'registration answer of the control plane cannot be an identity'
    throw new CliError(message, undefined, { cause })
  }
}

/** A control plane that has only one range may use the older field. */
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
  const remedy = error instanceof ApiError ? remedyOf(error.status, config.hostname) : undefined
  if (!(error instanceof ApiError) || remedy === undefined) return failureOf(error, config)
  return new CliError(
    `register "${config.hostname}": ${error.message}: ${remedy}`,
    error.status === 401 ? exitCodes.denied : exitCodes.failed,
  )
}

function remedyOf(status: number, hostname: string): string | undefined {
  if (status === 401) return 'make a new token with "plexctl token create"'
  if (status === 409)
    return `choose another with --hostname, or free it with "plexctl node remove ${hostname}"`
  if (status === 400 && hostnameProblem(hostname) !== undefined)
    return 'give this node another name with --hostname NAME, or "hostname:" in the config file'
  return undefined
}
