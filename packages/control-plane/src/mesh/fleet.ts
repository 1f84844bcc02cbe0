import type { Metadata, NodeStatus, PolicyRule } from '@plexd/protocol'

/** A node as everything but its own row needs it; immutable, a change is a new record. */
export interface NodeRecord {
  readonly no: number
  readonly id: string
  readonly tenant_id: string
  readonly hostname: string
  readonly mesh_ip: string
  readonly public_key: string
  readonly key_epoch: number
  /** SHA-256 in hex of the two bearer tokens that are accepted: `node_token` and the NSK. */
  readonly token_hash: string
  readonly nsk_hash: string
  readonly metadata: Readonly<Metadata>
  readonly endpoint: string
  readonly nat_type: string
  readonly user_agent: string
  readonly status: NodeStatus
  readonly rotate_keys: boolean
}

export interface PolicyRecord {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly revision: number
  /** Policies apply in ascending order of it. */
  readonly position: number
  readonly rules: readonly PolicyRule[]
}

export interface TenantRecord {
  readonly id: string
  readonly name: string
  readonly mesh_cidr: string
}

/** One step of the fleet. `node_removed` and `policy_removed` take the record away. */
export type FleetChange =
  | { type: 'tenant_put'; tenant: TenantRecord }
  | { type: 'node_put'; node: NodeRecord }
  | { type: 'node_removed'; id: string }
  | { type: 'policy_put'; policy: PolicyRecord }
  | { type: 'policy_removed'; id: string }

/** The tenants with their nodes and policies, in memory. */
export interface Fleet {
  tenant(id: string): TenantRecord | undefined
  node(id: string): NodeRecord | undefined
  nodeByNo(no: number): NodeRecord | undefined
  nodeByHostname(tenantId: string, hostname: string): NodeRecord | undefined
  /** The node that the SHA-256 of its `node_token` or of its NSK belongs to. */
  nodeByTokenHash(hash: string): NodeRecord | undefined
  /** In the order of registration. */
  nodes(tenantId: string): Iterable<NodeRecord>
  nodeCount(tenantId?: string): number
  /** In the order they apply. */
  policies(tenantId: string): readonly PolicyRecord[]
}

export interface MutableFleet extends Fleet {
  /** Applies a change and returns the one that takes it back. */
  apply(change: FleetChange): FleetChange | undefined
}

export function createFleet(): MutableFleet {
  const tenants = new Map<string, TenantRecord>()
  const nodes = new Map<string, NodeRecord>()
  const byTenant = new Map<string, Map<number, NodeRecord>>()
  const byNo = new Map<number, NodeRecord>()
  const byHostname = new Map<string, NodeRecord>()
  const byTokenHash = new Map<string, NodeRecord>()
  const policies = new Map<string, PolicyRecord>()
  const inOrder = new Map<string, readonly PolicyRecord[]>()

  function forget(node: NodeRecord): void {
    byHostname.delete(hostnameKey(node))
    byTokenHash.delete(node.token_hash)
    byTokenHash.delete(node.nsk_hash)
  }

  function putNode(node: NodeRecord): FleetChange {
    const before = nodes.get(node.id)
    if (before) forget(before)
    nodes.set(node.id, node)
    tenantNodes(node.tenant_id).set(node.no, node)
    byNo.set(node.no, node)
    byHostname.set(hostnameKey(node), node)
    byTokenHash.set(node.token_hash, node)
    byTokenHash.set(node.nsk_hash, node)
    return before ? { type: 'node_put', node: before } : { type: 'node_removed', id: node.id }
  }

  function removeNode(id: string): FleetChange | undefined {
    const node = nodes.get(id)
    if (!node) return undefined
    forget(node)
    nodes.delete(id)
    byNo.delete(node.no)
    tenantNodes(node.tenant_id).delete(node.no)
    return { type: 'node_put', node }
  }

  function tenantNodes(tenantId: string): Map<number, NodeRecord> {
    let members = byTenant.get(tenantId)
    if (!members) {
      members = new Map()
      byTenant.set(tenantId, members)
    }
    return members
  }

  function sortPolicies(tenantId: string): void {
    const own = [...policies.values()].filter((policy) => policy.tenant_id === tenantId)
    inOrder.set(
      tenantId,
      own.toSorted((a, b) => a.position - b.position),
    )
  }

  function apply(change: FleetChange): FleetChange | undefined {
    switch (change.type) {
      case 'tenant_put':
        tenants.set(change.tenant.id, change.tenant)
        return undefined
      case 'node_put':
        return putNode(change.node)
      case 'node_removed':
        return removeNode(change.id)
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
    node: (id) => nodes.get(id),
    nodeByNo: (no) => byNo.get(no),
    nodeByHostname: (tenant_id, hostname) => byHostname.get(hostnameKey({ tenant_id, hostname })),
    nodeByTokenHash: (hash) => byTokenHash.get(hash),
    nodes: (tenantId) => tenantNodes(tenantId).values(),
    nodeCount: (tenantId) => (tenantId === undefined ? nodes.size : tenantNodes(tenantId).size),
    policies: (tenantId) => inOrder.get(tenantId) ?? [],
  }
}

function hostnameKey({ tenant_id, hostname }: { tenant_id: string; hostname: string }): string {
  return `${tenant_id}/${hostname}`
}
