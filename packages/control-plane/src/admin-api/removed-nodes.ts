import { isNodeId, type PolicySpec } from '@plexd/protocol'
import type { Reader } from '../store/db.ts'

/** SQLite takes some ten thousand values in a statement; nobody names so many nodes that are gone. */
const maxIds = 1_000

/** Of the nodes that a policy names by id, those that were removed. */
export async function removedNodesOf(
  reader: Reader,
  { rules }: PolicySpec,
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(rules.flatMap(({ from, to }) => [from, to]).filter(isNodeId))]
  if (ids.length === 0) return new Set()
  const rows = await reader
    .selectFrom('nodes')
    .select('id')
    .where('id', 'in', ids.slice(0, maxIds))
    .where('removed_at', 'is not', null)
    .execute()
  return new Set(rows.map(({ id }) => id))
}
