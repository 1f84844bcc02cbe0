import { ApiError, controlApi, formatCidr, type NodeState } from '@plexd/protocol'
import type { Delivery, Installation, Intake, NodeMemory, Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { entityTags } from '../../http/entity-tags.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { metadataOf } from '../../mesh/labels/labels.ts'
import { peersJsonFor } from '../../mesh/peer-view.ts'
import { policiesJsonFor } from '../../mesh/policies/node-policies.ts'
import { upToDateSeq } from './up-to-date.ts'

/** The node's complete desired state. A node that names a revision gets 304 if it needs nothing newer. */
export const getState = handle(
  controlApi.getState,
  async (
    { principal, headers, request, reply },
    app: State & Delivery & Seals & NodeMemory & Intake & Installation,
  ) => {
    const { no } = principal
    const upToDate = upToDateSeq(app, no, entityTags(headers['if-none-match']))
    if (upToDate !== undefined) {
      if (upToDate === app.heads.of(no)) pulled(app, no, upToDate)
      reply.header('etag', `"${app.heads.positionOf(upToDate)}"`)
      reply.code(304).send()
      return undefined
    }
    // The revision is read before the state: later changes then arrive as events after this revision.
    const seq = app.heads.of(no)
    const revision = app.heads.positionOf(seq)
    reply.header('etag', `"${revision}"`)
    // Read it again: the caller's record may be older than the revision.
    const node = app.fleet.node(principal.id)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    app.budgets.pulls.demand(node.id)
    const state = await readState(app, node, revision)
    app.budgets.pulls.charge(node.id, { bytes: state.length })
    // HEAD sends nothing, so it does not count as a pull.
    if (request.method === 'GET') reply.raw.once('finish', () => pulled(app, no, seq))
    return state
  },
)

/** As JSON. */
async function readState(
  app: State & Delivery & Seals & Installation,
  node: NodeRecord,
  revision: string,
): Promise<Buffer> {
  const { fleet, entries } = app
  const announcement = await app.announcing.signed()
  const rest: Omit<NodeState, 'peers' | 'policies' | 'data'> = {
    signing_keys: app.keyring.signingKeys(),
    metadata: metadataOf(node),
    secret_refs: await entries.secretRefsOf(node),
    node_id: node.id,
    hostname: node.hostname,
    mesh_ip: node.mesh_ip,
    mesh_ranges: fleet.tenant(node.tenant_id)?.mesh_ranges.map(formatCidr),
    revision,
    ...(announcement ? { announcement } : {}),
  }
  const data = await entries.dataJsonOf(node)
  const policies = policiesJsonFor(fleet, node).slice(1, -1)
  return peersJsonFor(app, node, {
    before: '{"peers":',
    after: `,${policies},"data":${data},${JSON.stringify(rest).slice(1)}`,
  })
}

function pulled({ presence, streams }: Delivery & NodeMemory, no: number, seq: number): void {
  presence.fetched(no, seq)
  streams.pulled(no)
}
