import type { FleetChange, OperatorRecord } from '../fleet.ts'

/** The operators of all tenants. A change returns its inverse. */
export function createOperatorIndex() {
  const byId = new Map<string, OperatorRecord>()
  const byHash = new Map<string, OperatorRecord>()

  function remove(id: string): FleetChange | undefined {
    const operator = byId.get(id)
    if (!operator) return undefined
    byId.delete(id)
    byHash.delete(operator.token_hash)
    return { type: 'operator_put', operator }
  }

  return {
    byTokenHash: (hash: string) => byHash.get(hash),
    put(operator: OperatorRecord): FleetChange {
      const inverse = remove(operator.id)
      byId.set(operator.id, operator)
      byHash.set(operator.token_hash, operator)
      return inverse ?? { type: 'operator_removed', id: operator.id }
    },
    remove,
  }
}
