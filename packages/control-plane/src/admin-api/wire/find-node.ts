import { ApiError, isNodeId } from '@plexd/protocol'
import type { State } from '../../app.ts'
import type { Fleet, NodeRecord, OperatorRecord } from '../../mesh/fleet.ts'
import { type NodeName, readLastNamed } from '../../rows/fleet/node-lookups.ts'

/**
 * A node of the operator's tenant by its id or hostname; a text in the form of an id is never a name. Throws an ApiError:
 * 404 if there is none in this tenant, 400 for a name that two nodes have.
 */
export function findNode(fleet: Fleet, operator: OperatorRecord, name: string): NodeRecord {
  if (isNodeId(name)) return findNodeById(fleet, operator, name)
  const [node, ...others] = fleet.nodesByHostname(operator.tenant_id, name)
  if (!node) throw new ApiError('not_found', `there is no node "${name}"`)
  if (others.length === 0) return node
  const ids = [node, ...others].map(({ id }) => id).join(' and ')
  throw new ApiError(
    'bad_request',
    `"${name}" is the name of ${ids}: say which by its id, and rename one with "plexctl node rename"`,
  )
}

/**
 * The same including removed nodes, for their remaining data; by name, the last node that had it. Throws an ApiError
 * (404) if there never was one.
 */
export async function findNodeEver(
  { fleet, store }: State,
  operator: OperatorRecord,
  name: string,
): Promise<NodeName> {
  try {
    return findNode(fleet, operator, name)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'not_found') throw error
    const by = isNodeId(name) ? { id: name } : { hostname: name }
    const last = await readLastNamed(store.reader, operator.tenant_id, by)
    if (!last) throw error
    return last
  }
}

/** Only by id: for data that must not go to another node that took over the name. */
export function findNodeById(fleet: Fleet, operator: OperatorRecord, id: string): NodeRecord {
  const node = fleet.node(id)
  if (node?.tenant_id === operator.tenant_id) return node
  throw new ApiError('not_found', `there is no node "${id}"`)
}
