import type { Cidr, Metadata, NatType, NodeStatus, PolicyRule, Role } from '@plexd/protocol'
import type { TenantMesh } from './tenant-mesh.ts'

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
