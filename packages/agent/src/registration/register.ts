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
  withKnownWords,
} from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { Type } from 'typebox'
import type { AgentConfig } from '../config/agent-config.ts'
import { failureOf } from '../control/client/failure.ts'
import { checkIdentity, type Identity } from '../identity/identity.ts'
import { publicKeyOf } from '../identity/keys.ts'
import { atRegistration } from './capabilities.ts'
import { type Patience, untilAnswered } from './until-answered.ts'

export interface Registration extends Patience {
  client: Pick<Client<ControlApi>, 'register'>
  token: string
  privateKey: string
  capabilities: Capabilities
  metadata: Record<string, string>
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
  const { config } = registration
  return await untilAnswered(() => attempt(registration), {
    ...registration,
    what: 'registration',
    explain: (error) => explain(error, config),
  })
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
    const peers: unknown = Array.isArray(answer.peers) ? answer.peers.map(withKnownWords) : []
    return { identity, peers: knownPeers().Check(peers) ? peers : [] }
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
