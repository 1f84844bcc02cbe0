import type { Cidr, Metadata, NatType, NodeStatus, PolicyRule, Role } from '@plexd/protocol'
import { createNodeIndex, tokenHashesOf } from './node-index.ts'
import { createTenantMesh, type TenantMesh } from './tenant-mesh.ts'

/** A node as it is held in memory; immutable, a change is a new record. */
export interface NodeRecord {
  readonly no: number
  readonly id: string
  readonly tenant_id: string
  readonly hostname: string
  readonly mesh_ip: string
  readonly public_key: string
  readonly key_epoch: number
  /** When it got its current public key. */
  readonly key_changed_at: number
  /** SHA-256 in hex of the two accepted bearer tokens: `node_token` and the NSK. */
  readonly token_hash: string
  readonly nsk_hash: string
  /** The hashes of the next ones; null if there are none, or once the node has used one of them. */
  readonly next_token_hash: string | null
  readonly next_nsk_hash: string | null
  /** Labels set by operators and the token. All selectors match these; those of data also match `reported`. */
  readonly labels: Readonly<Metadata>
  /** What the node reported about itself. */
  readonly reported: Readonly<Metadata>
  readonly endpoint: string
  readonly nat_type: NatType | ''
  /** Its endpoints for peers in the same network. */
  readonly local_endpoints: readonly string[]
  /** Whether its peers have yet to be told of these three. */
  readonly endpoint_untold: boolean
  readonly user_agent: string
  /** The Go agent compares policies only by id, and acts on no event except a new signing key. */
  readonly is_go: boolean
  readonly status: NodeStatus
  readonly rotate_keys: boolean
}

export interface PolicyRecord {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly revision: number
  /** Policies apply in ascending order of this. */
  readonly position: number
  readonly rules: readonly PolicyRule[]
}

export interface TenantRecord {
  readonly id: string
  readonly name: string
  /** Oldest first; at least one. */
  readonly mesh_ranges: readonly Cidr[]
  readonly psk_epoch: number
}

/** An operator, or a program of theirs: a holder of an admin token. */
export interface OperatorRecord {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly tenant_id: string
  readonly token_hash: string
}

/** A change of the fleet. `node_removed` and the like delete the record. */
export type FleetChange =
  | { type: 'tenant_put'; tenant: TenantRecord }
  | { type: 'operator_put'; operator: OperatorRecord }
  | { type: 'operator_removed'; id: string }
  | { type: 'node_put'; node: NodeRecord }
  /** The last record. With `removed_at` the node has left and is remembered for a while; without it, it is undone and never existed. */
  | { type: 'node_removed'; node: NodeRecord; removed_at?: number }
  | { type: 'policy_put'; policy: PolicyRecord }
  | { type: 'policy_removed'; id: string }

/** A removed node. */
export interface Departed {
  readonly node: NodeRecord
  readonly removed_at: number
}

/** The tenants in memory, with their operators, nodes and policies. */
export interface Fleet {
  tenant(id: string): TenantRecord | undefined
  operatorByTokenHash(hash: string): OperatorRecord | undefined
  node(id: string): NodeRecord | undefined
  nodeByNo(no: number): NodeRecord | undefined
  /** Compared case-insensitively. More than one only if an older version accepted names that differ in case. */
  nodesByHostname(tenantId: string, hostname: string): readonly NodeRecord[]
  nodeByPublicKey(tenantId: string, publicKey: string): NodeRecord | undefined
  nodeByMeshIp(tenantId: string, meshIp: string): NodeRecord | undefined
  /** The node with this SHA-256 of its `node_token` or NSK, current or next. */
  nodeByTokenHash(hash: string): NodeRecord | undefined
  /** A node removed within the last `departedMs`, by one of its tokens. */
  departedByTokenHash(hash: string): Departed | undefined
  /** In order of registration. Can be iterated repeatedly. */
  nodes(tenantId: string): Iterable<NodeRecord>
  /** Of every tenant. */
  allNodes(): Iterable<NodeRecord>
  /** Those whose `endpoint_untold` is set. */
  untoldNodes(): Iterable<NodeRecord>
  nodeCount(tenantId?: string): number
  /** In the order in which they apply. */
  policies(tenantId: string): readonly PolicyRecord[]
  /**
   * Who may talk to whom in a tenant. The same object until labels, names, addresses or rules change, so that for an event
   * to a thousand nodes the members of a side are computed once.
   */
  mesh(tenantId: string): TenantMesh<NodeRecord>
}

export interface MutableFleet extends Fleet {
  /** Applies a change and returns its inverse. */
  apply(change: FleetChange): FleetChange | undefined
}

/** How long a removed node may repeat its deregistration. */
export const departedMs = 24 * 3_600_000

export function createFleet(): MutableFleet {
  const tenants = new Map<string, TenantRecord>()
  const operators = new Map<string, OperatorRecord>()
  const operatorsByHash = new Map<string, OperatorRecord>()
  const nodes = new Map<string, NodeRecord>()
  const byTenant = new Map<string, Map<number, NodeRecord>>()
  const index = createNodeIndex<NodeRecord>()
  const departed = new Map<string, Departed>()
  const policies = new Map<string, PolicyRecord>()
  const inOrder = new Map<string, readonly PolicyRecord[]>()
  const meshes = new Map<string, TenantMesh<NodeRecord>>()

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
    for (const hash of tokenHashesOf(node)) departed.delete(hash)
    return before ? { type: 'node_put', node: before } : { type: 'node_removed', node }
  }

  function removeNode(gone: NodeRecord, removed_at?: number): FleetChange | undefined {
    if (removed_at !== undefined) remember({ node: gone, removed_at })
    const node = nodes.get(gone.id)
    if (!node) return undefined
    index.remove(node)
    remesh(node, undefined)
    nodes.delete(node.id)
    tenantNodes(node.tenant_id).delete(node.no)
    return { type: 'node_put', node }
  }

  function remember(gone: Departed): void {
    for (const [hash, { removed_at }] of departed) {
      // In order of removal, so the first recent one ends the sweep.
      if (removed_at > gone.removed_at - departedMs) break
      departed.delete(hash)
    }
    for (const hash of tokenHashesOf(gone.node)) departed.set(hash, gone)
  }

  function putOperator(operator: OperatorRecord): FleetChange {
    const inverse = removeOperator(operator.id)
    operators.set(operator.id, operator)
    operatorsByHash.set(operator.token_hash, operator)
    return inverse ?? { type: 'operator_removed', id: operator.id }
  }

  function removeOperator(id: string): FleetChange | undefined {
    const operator = operators.get(id)
    if (!operator) return undefined
    operators.delete(id)
    operatorsByHash.delete(operator.token_hash)
    return { type: 'operator_put', operator }
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
      policies: inOrder.get(tenantId) ?? [],
    })
  }

  function nodesOf(tenantId: string): Iterable<NodeRecord> {
    return { [Symbol.iterator]: () => tenantNodes(tenantId).values() }
  }

  function sortPolicies(tenantId: string): void {
    meshes.delete(tenantId)
    const own = [...policies.values()].filter((policy) => policy.tenant_id === tenantId)
    inOrder.set(
      tenantId,
      own.toSorted((a, b) => a.position - b.position),
    )
  }

  function apply(change: FleetChange): FleetChange | undefined {
    switch (change.type) {
      case 'tenant_put': {
        const before = tenants.get(change.tenant.id)
        tenants.set(change.tenant.id, change.tenant)
        meshes.delete(change.tenant.id)
        // Tenants are never removed here: an extra one has no nodes, and access is decided by the rows.
        return before && { type: 'tenant_put', tenant: before }
      }
      case 'operator_put':
        return putOperator(change.operator)
      case 'operator_removed':
        return removeOperator(change.id)
      case 'node_put':
        return putNode(change.node)
      case 'node_removed':
        return removeNode(change.node, change.removed_at)
      case 'policy_put': {
        const before = policies.get(change.policy.id)
        policies.set(change.policy.id, change.policy)
        sortPolicies(change.policy.tenant_id)
        return before
          ? { type: 'policy_put', policy: before }
          : { type: 'policy_removed', id: change.policy.id }
      }
      case 'policy_removed': {
        const policy = policies.get(change.id)
        if (!policy) return undefined
        policies.delete(change.id)
        sortPolicies(policy.tenant_id)
        return { type: 'policy_put', policy }
      }
    }
  }

  return {
    apply,
    tenant: (id) => tenants.get(id),
    operatorByTokenHash: (hash) => operatorsByHash.get(hash),
    node: (id) => nodes.get(id),
    nodeByNo: index.byNo,
    nodesByHostname: index.byHostname,
    nodeByPublicKey: index.byPublicKey,
    nodeByMeshIp: index.byMeshIp,
    nodeByTokenHash: index.byTokenHash,
    departedByTokenHash: (hash) => departed.get(hash),
    nodes: nodesOf,
    allNodes: () => nodes.values(),
    untoldNodes: index.untold,
    nodeCount: (tenantId) => (tenantId === undefined ? nodes.size : tenantNodes(tenantId).size),
    policies: (tenantId) => inOrder.get(tenantId) ?? [],
    mesh: (tenantId) => meshes.getOrInsertComputed(tenantId, readMesh),
  }
}

function isSameToRules(a: NodeRecord, b: NodeRecord): boolean {
  return a.labels === b.labels && a.hostname === b.hostname && a.mesh_ip === b.mesh_ip
}
