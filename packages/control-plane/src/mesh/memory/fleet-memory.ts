import type { FleetChange, MutableFleet, NodeRecord, TenantRecord } from '../fleet.ts'
import { createTenantMesh, type TenantMesh } from '../tenant-mesh.ts'
import { createDepartedNodes } from './departed-nodes.ts'
import { createNodeIndex } from './node-index.ts'
import { createOperatorIndex } from './operator-index.ts'
import { createPolicyIndex } from './policy-index.ts'

export function createFleet(): MutableFleet {
  const tenants = new Map<string, TenantRecord>()
  const operators = createOperatorIndex()
  const nodes = new Map<string, NodeRecord>()
  const byTenant = new Map<string, Map<number, NodeRecord>>()
  const index = createNodeIndex()
  const departed = createDepartedNodes()
  const meshes = new Map<string, TenantMesh<NodeRecord>>()
  const policies = createPolicyIndex((tenantId) => meshes.delete(tenantId))

  /** Updates a tenant's mesh for one of its nodes. */
  function remesh(before: NodeRecord | undefined, after: NodeRecord | undefined): void {
    const tenantId = (before ?? after)?.tenant_id ?? ''
    const mesh = meshes.get(tenantId)
    if (!mesh) return
    if (before && after && isSameToRules(before, after)) mesh.refresh(after)
    else meshes.set(tenantId, mesh.with({ before, after }))
  }

  function putNode(node: NodeRecord): FleetChange {
    const before = nodes.get(node.id)
    if (before) index.remove(before)
    remesh(before, node)
    nodes.set(node.id, node)
    tenantNodes(node.tenant_id).set(node.no, node)
    index.add(node)
    departed.forget(node)
    return before ? { type: 'node_put', node: before } : { type: 'node_removed', node }
  }

  function removeNode(gone: NodeRecord, removed_at?: number): FleetChange | undefined {
    if (removed_at !== undefined) departed.remember({ node: gone, removed_at })
    const node = nodes.get(gone.id)
    if (!node) return undefined
    index.remove(node)
    remesh(node, undefined)
    nodes.delete(node.id)
    tenantNodes(node.tenant_id).delete(node.no)
    return { type: 'node_put', node }
  }

  function tenantNodes(tenantId: string): Map<number, NodeRecord> {
    return byTenant.getOrInsertComputed(tenantId, () => new Map())
  }

  function readMesh(tenantId: string): TenantMesh<NodeRecord> {
    const tenant = tenants.get(tenantId)
    if (!tenant) throw new Error(`read mesh of tenant "${tenantId}": there is no such tenant`)
    return createTenantMesh({
      ranges: tenant.mesh_ranges,
      nodes: nodesOf(tenantId),
      policies: policies.of(tenantId),
    })
  }

  function nodesOf(tenantId: string): Iterable<NodeRecord> {
    return { [Symbol.iterator]: () => tenantNodes(tenantId).values() }
  }

  function putTenant(tenant: TenantRecord): FleetChange | undefined {
    const before = tenants.get(tenant.id)
    tenants.set(tenant.id, tenant)
    meshes.delete(tenant.id)
    // Tenants are never removed here: an extra one has no nodes, and access is decided by the rows.
    return before && { type: 'tenant_put', tenant: before }
  }

  function apply(change: FleetChange): FleetChange | undefined {
    switch (change.type) {
      case 'tenant_put':
        return putTenant(change.tenant)
      case 'operator_put':
        return operators.put(change.operator)
      case 'operator_removed':
        return operators.remove(change.id)
      case 'node_put':
        return putNode(change.node)
      case 'node_removed':
        return removeNode(change.node, change.removed_at)
      case 'policy_put':
        return policies.put(change.policy)
      case 'policy_removed':
        return policies.remove(change.id)
    }
  }

  return {
    apply,
    tenant: (id) => tenants.get(id),
    operatorByTokenHash: operators.byTokenHash,
    node: (id) => nodes.get(id),
    nodeByNo: index.byNo,
    nodesByHostname: index.byHostname,
    nodeByPublicKey: index.byPublicKey,
    nodeByMeshIp: index.byMeshIp,
    nodeByTokenHash: index.byTokenHash,
    departedByTokenHash: departed.byTokenHash,
    nodes: nodesOf,
    allNodes: () => nodes.values(),
    untoldNodes: index.untold,
    nodeCount: (tenantId) => (tenantId === undefined ? nodes.size : tenantNodes(tenantId).size),
    policies: policies.of,
    mesh: (tenantId) => meshes.getOrInsertComputed(tenantId, readMesh),
  }
}

function isSameToRules(a: NodeRecord, b: NodeRecord): boolean {
  return a.labels === b.labels && a.hostname === b.hostname && a.mesh_ip === b.mesh_ip
}
