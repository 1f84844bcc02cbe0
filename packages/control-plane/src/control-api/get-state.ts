import { ApiError, controlApi, type NodeState } from '@plexd/protocol'
import type { App } from '../app.ts'
import { formatPosition } from '../events/event-log.ts'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { policiesJsonFor } from '../mesh/node-policies.ts'
import { peersJsonFor } from '../mesh/peer-json.ts'

/** All that the node shall be. A node that names the revision it has gets 304 when there is no newer one. */
export const getState = handle(controlApi.getState, async ({ principal, headers, reply }, app) => {
  const { no } = principal
  // Before anything of the state is read: what changes meanwhile comes as an event behind this revision.
  const seq = app.heads.of(no)
  const revision = formatPosition({ epoch: app.heads.epoch, seq })
  reply.header('etag', `"${revision}"`)
  if (isCurrent(headers['if-none-match'], revision)) {
    app.presence.fetched(no, seq)
    app.streams.pulled(no)
    reply.code(304).send()
    return undefined
  }
  // Anew: the record of the caller may be from before the revision.
  const node = app.fleet.node(principal.id)
  if (!node) throw new ApiError('unauthorized', 'unauthorized')
  const state = await readState(app, node, revision)
  reply.type('application/json; charset=utf-8')
  reply.raw.once('finish', () => {
    app.presence.fetched(no, seq)
    app.streams.pulled(no)
  })
  return state as never // the server sends text as it is
})

/** As JSON. */
async function readState(app: App, node: NodeRecord, revision: string): Promise<string> {
  const { fleet, entries } = app
  const rest: Omit<NodeState, 'peers' | 'policies'> = {
    signing_keys: app.keyring.signingKeys(),
    metadata: { ...node.metadata },
    data: await entries.dataOf(node),
    secret_refs: await entries.secretRefsOf(node),
    node_id: node.id,
    mesh_ip: node.mesh_ip,
    revision,
  }
  const peers = peersJsonFor(app, node)
  const policies = policiesJsonFor(fleet, node).slice(1, -1)
  return `{"peers":${peers},${policies},${JSON.stringify(rest).slice(1)}`
}

/** `If-None-Match` with the revision in it, weak or strong; `*` proves no knowledge of it. */
function isCurrent(header: string | undefined, revision: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(`"${revision}"`)
}
