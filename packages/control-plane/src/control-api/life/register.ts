import {
  ApiError,
  cidrContains,
  controlApi,
  formatCidr,
  formatIpv4,
  hostnameKey,
  newId,
  parseIpv4,
  type RegisterRequest,
  type RegisterResponse,
  rangeOf,
} from '@plexd/protocol'
import { tokenHash } from '../../access/auth.ts'
import type { Delivery, Environment, Seals, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { addNode } from '../../changes/nodes.ts'
import { handle } from '../../handle.ts'
import { nextAddress } from '../../mesh/address-pool.ts'
import { peersJsonFor } from '../../mesh/peer-view.ts'
import { userAgentOf } from '../../nodes/agent.ts'
import { readHostname, refuseTakenHostname } from '../../nodes/hostname.ts'
import { type Bounded, describeNode } from '../../nodes/labels.ts'
import { burnToken, readTokenByHash, type StoredToken } from '../../rows/bootstrap-tokens.ts'
import { noteGiven, readPools } from '../../rows/fleet/mesh-ranges.ts'
import { readRestingIps } from '../../rows/fleet/node-lookups.ts'
import { isGoAgent } from '../../rows/fleet/nodes.ts'
import { newNodeSecrets, sealNsk } from '../../seal/node-secrets.ts'
import { placeOf } from '../../seal/places.ts'
import { open, seal } from '../../seal/seal.ts'
import { checkPublicKey } from './check-public-key.ts'

/** The part of the answer that is stored and repeated on a retry; peers are computed for each answer. */
type Enrolment = Omit<RegisterResponse, 'peers'>

/**
 * Enrols a node with a one-time token. Atomic: a refused request does not use up the token. The same token with the
 * same key gets the same answer until the node's first call, because the first answer may have been lost.
 */
export const register = handle(
  controlApi.register,
  async ({ body, headers }, app: State & Delivery & Seals & Environment) => {
    const userAgent = userAgentOf(headers)
    checkPublicKey('public_key', body.public_key)
    const { enrolment, leftOut } = await app.change((unit) =>
      enrol(unit, app, { ...body, userAgent }),
    )
    if (leftOut) noteRegistered(app, enrolment, leftOut)
    const node = app.fleet.node(enrolment.node_id)
    const before = `${JSON.stringify(enrolment).slice(0, -1)},"peers":`
    return node ? peersJsonFor(app, node, { before, after: '}' }) : Buffer.from(`${before}[]}`)
  },
)

async function enrol(
  unit: Unit,
  app: Delivery & Seals & Environment,
  request: RegisterRequest & { userAgent: string },
): Promise<{ enrolment: Enrolment; leftOut?: LeftOut }> {
  const token = await readTokenByHash(unit.tx, tokenHash(request.token))
  const again = token && answerAgain(app, token, request)
  if (again) return { enrolment: again }
  if (
    !token ||
    token.used_at !== null ||
    token.revoked_at !== null ||
    token.expires_at <= unit.nowMs
  )
    throw new ApiError('unauthorized', 'invalid, expired or already used bootstrap token')

  const hostname = hostnameFor(token, request)
  refuseTaken(unit, { tenantId: token.tenant_id, hostname, publicKey: request.public_key })
  const nskFormat =
    token.nsk_format ?? (isGoAgent(request.userAgent) && !request.capabilities ? 'raw32' : 'base64')
  const secrets = newNodeSecrets(nskFormat)
  const id = newId('node')
  const { labels, reported, leftOut } = describe(app, request, token)
  const mesh_ip = await takeAddress(unit, app, token.tenant_id)
  const enrolment: Enrolment = {
    node_id: id,
    hostname,
    mesh_ip,
    ...rangesFor(unit, token.tenant_id, mesh_ip),
    signing_public_key: app.keyring.signingKeys().current,
    ...secrets,
  }
  await burn(unit, app, token, { publicKey: request.public_key, enrolment })
  await addNode(unit, {
    id,
    tenant_id: token.tenant_id,
    hostname,
    mesh_ip,
    public_key: request.public_key,
    token_hash: tokenHash(secrets.node_token),
    nsk_hash: tokenHash(secrets.node_secret_key),
    nsk_sealed: sealNsk(app.masterKey, id, secrets.node_secret_key),
    nsk_format: nskFormat,
    labels,
    reported,
    capabilities: request.capabilities ?? null,
    user_agent: request.userAgent,
  })
  return { enrolment, leftOut }
}

type LeftOut = Bounded['leftOut']

function noteRegistered(
  { log }: Environment,
  { node_id, hostname, mesh_ip }: Enrolment,
  { length, 0: first }: LeftOut,
): void {
  log.info('node registered', { node_id, hostname, mesh_ip })
  if (first)
    log.warn('some of what the node reports is left out', {
      node_id,
      hostname,
      keys: length,
      first_key: first.key.slice(0, 64),
      reason: first.why,
    })
}

/** All ranges, and for older agents the one that contains the address. */
function rangesFor({ fleet }: Unit, tenantId: string, meshIp: string) {
  const ranges = fleet.tenant(tenantId)?.mesh_ranges ?? []
  const own = rangeOf(ranges, parseIpv4(meshIp))
  return {
    ...(own ? { mesh_range: formatCidr(own) } : {}),
    mesh_ranges: ranges.map(formatCidr),
  }
}

/** Metadata beyond the limits is left out; it is never a reason to reject a machine. */
function describe({ config }: Environment, { metadata }: RegisterRequest, token: StoredToken) {
  const bounds = { labels: token.metadata, nodeMaySet: token.node_may_set }
  return describeNode(metadata ?? {}, bounds, config.limits)
}

function answerAgain(
  app: Seals,
  token: StoredToken,
  request: RegisterRequest,
): Enrolment | undefined {
  if (token.answer_sealed === null || token.revoked_at !== null) return undefined
  if (token.public_key !== request.public_key) return undefined
  return JSON.parse(
    open(app.masterKey, token.answer_sealed, placeOf.registrationAnswer(token.id)),
  ) as Enrolment // sealed by burn
}

async function burn(
  unit: Unit,
  app: Seals,
  token: StoredToken,
  { publicKey, enrolment }: { publicKey: string; enrolment: Enrolment },
): Promise<void> {
  await burnToken(unit.tx, token.id, {
    used_at: unit.nowMs,
    node_id: enrolment.node_id,
    public_key: publicKey,
    answer_sealed: seal(
      app.masterKey,
      JSON.stringify(enrolment),
      placeOf.registrationAnswer(token.id),
    ),
  })
}

/** The token's hostname takes precedence, unless one was chosen on the machine itself. */
function hostnameFor(token: StoredToken, request: RegisterRequest): string {
  if (token.hostname === null) return readHostname('hostname', request.hostname)
  const bound = readHostname(`bootstrap token "${token.id}"`, token.hostname)
  if (request.hostname_chosen && hostnameKey(request.hostname) !== bound)
    throw new ApiError(
      'bad_request',
      `the token is for hostname "${bound}", not "${request.hostname}": leave the name out, or make a token for it`,
    )
  return bound
}

function refuseTaken(
  { fleet }: Unit,
  { tenantId, hostname, publicKey }: { tenantId: string; hostname: string; publicKey: string },
): void {
  refuseTakenHostname(fleet, { tenantId, hostname })
  if (fleet.nodeByPublicKey(tenantId, publicKey))
    throw new ApiError('conflict', 'the public key is that of another node in this tenant')
}

/**
 * The next free mesh IP, from the newest range that has one. Those of recently removed nodes are avoided, because peers
 * may still know them. The control plane's own address is excluded: a node with it could not reach us, and would refuse it.
 */
async function takeAddress(
  unit: Unit,
  { config, publicUrl }: Environment,
  tenantId: string,
): Promise<string> {
  const own = new URL(publicUrl()).hostname
  const pools = await readPools(unit.tx, tenantId)
  const sinceMs = unit.nowMs - config.addressCooldownMs
  const resting = new Set(await readRestingIps(unit.tx, tenantId, sinceMs))
  const address = nextAddress({
    pools: pools.toReversed(),
    isTaken: (candidate) => {
      const text = formatIpv4(candidate)
      return text === own || unit.fleet.nodeByMeshIp(tenantId, text) !== undefined
    },
    isResting: (candidate) => resting.has(formatIpv4(candidate)),
  })
  const { position } = pools.find(({ range }) => cidrContains(range, address)) ?? { position: -1 }
  await noteGiven(unit.tx, tenantId, { position, address })
  return formatIpv4(address)
}
