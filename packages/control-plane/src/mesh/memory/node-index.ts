import { hostnameKey } from '@plexd/protocol'
import type { NodeRecord } from '../fleet.ts'

/** Finds nodes by what is theirs. A changed node is removed as it was, and added as it is. */
export interface NodeIndex {
  add(node: NodeRecord): void
  remove(node: NodeRecord): void
  byNo(no: number): NodeRecord | undefined
  byHostname(tenantId: string, hostname: string): readonly NodeRecord[]
  byPublicKey(tenantId: string, publicKey: string): NodeRecord | undefined
  byMeshIp(tenantId: string, meshIp: string): NodeRecord | undefined
  byTokenHash(hash: string): NodeRecord | undefined
  untold(): Iterable<NodeRecord>
}

export function createNodeIndex(): NodeIndex {
  const byNo = new Map<number, NodeRecord>()
  const byHostname = new Map<string, readonly NodeRecord[]>()
  const byPublicKey = new Map<string, NodeRecord>()
  const byMeshIp = new Map<string, NodeRecord>()
  const byTokenHash = new Map<string, NodeRecord>()
  const untold = new Map<string, NodeRecord>()

  return {
    add(node) {
      const { tenant_id, hostname, public_key, mesh_ip } = node
      byNo.set(node.no, node)
      const name = keyOf(tenant_id, hostnameKey(hostname))
      byHostname.set(name, [...(byHostname.get(name) ?? []), node])
      byPublicKey.set(keyOf(tenant_id, public_key), node)
      byMeshIp.set(keyOf(tenant_id, mesh_ip), node)
      for (const hash of tokenHashesOf(node)) byTokenHash.set(hash, node)
      if (node.endpoint_untold) untold.set(node.id, node)
    },
    remove(node) {
      const { id, tenant_id, hostname, public_key, mesh_ip } = node
      // Another node may already have it: followers of the log see nodes in their latest state, ordered by their first change.
      const drop = (index: Map<string, NodeRecord>, key: string): void => {
        if (index.get(key)?.id === id) index.delete(key)
      }
      byNo.delete(node.no)
      const name = keyOf(tenant_id, hostnameKey(hostname))
      const others = (byHostname.get(name) ?? []).filter((other) => other.id !== id)
      if (others.length > 0) byHostname.set(name, others)
      else byHostname.delete(name)
      drop(byPublicKey, keyOf(tenant_id, public_key))
      drop(byMeshIp, keyOf(tenant_id, mesh_ip))
      for (const hash of tokenHashesOf(node)) drop(byTokenHash, hash)
      untold.delete(id)
    },
    byNo: (no) => byNo.get(no),
    byHostname: (tenantId, hostname) =>
      byHostname.get(keyOf(tenantId, hostnameKey(hostname))) ?? [],
    byPublicKey: (tenantId, publicKey) => byPublicKey.get(keyOf(tenantId, publicKey)),
    byMeshIp: (tenantId, meshIp) => byMeshIp.get(keyOf(tenantId, meshIp)),
    byTokenHash: (hash) => byTokenHash.get(hash),
    untold: () => untold.values(),
  }
}

/** Of the tokens that it may call with. */
export function tokenHashesOf(node: NodeRecord): string[] {
  const { token_hash, nsk_hash, next_token_hash, next_nsk_hash } = node
  return [token_hash, nsk_hash, next_token_hash, next_nsk_hash].filter((hash) => hash !== null)
}

function keyOf(tenantId: string, value: string): string {
  return `${tenantId}/${value}`
}
