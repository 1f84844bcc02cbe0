import type { FleetChange, PolicyRecord } from '../fleet.ts'

/** The policies of all tenants. A change returns its inverse; `onChange` is told of the tenant first. */
export function createPolicyIndex(onChange: (tenantId: string) => void) {
  const byId = new Map<string, PolicyRecord>()
  const inOrder = new Map<string, readonly PolicyRecord[]>()

  function sort(tenantId: string): void {
    onChange(tenantId)
    const own = [...byId.values()].filter((policy) => policy.tenant_id === tenantId)
    inOrder.set(
      tenantId,
      own.toSorted((a, b) => a.position - b.position),
    )
  }

  return {
    /** In the order in which they apply. */
    of: (tenantId: string) => inOrder.get(tenantId) ?? [],
    put(policy: PolicyRecord): FleetChange {
      const before = byId.get(policy.id)
      byId.set(policy.id, policy)
      sort(policy.tenant_id)
      return before
        ? { type: 'policy_put', policy: before }
        : { type: 'policy_removed', id: policy.id }
    },
    remove(id: string): FleetChange | undefined {
      const policy = byId.get(id)
      if (!policy) return undefined
      byId.delete(id)
      sort(policy.tenant_id)
      return { type: 'policy_put', policy }
    },
  }
}
