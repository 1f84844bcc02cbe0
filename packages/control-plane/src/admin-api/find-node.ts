import { ApiError } from '@plexd/protocol'
import type { Fleet, NodeRecord, OperatorRecord } from '../mesh/fleet.ts'

/** A node of the operator's tenant by its id or hostname. Throws an ApiError (404): another tenant's is as unknown as none. */
export function findNode(fleet: Fleet, operator: OperatorRecord, name: string): NodeRecord {
  const node = fleet.node(name)
  if (node?.tenant_id === operator.tenant_id) return node
  const named = fleet.nodeByHostname(operator.tenant_id, name)
  if (named) return named
  throw new ApiError('not_found', `there is no node "${name}"`)
}
