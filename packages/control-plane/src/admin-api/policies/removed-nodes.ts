import type { PolicySpec } from '@plexd/protocol'
import { readRemovedNames } from '../../rows/fleet/node-lookups.ts'
import type { Reader } from '../../store/db.ts'
import { idsOf } from './policy-view.ts'

/** SQLite takes some ten thousand values in a statement; nobody names so many nodes that are gone. */
const maxIds = 1_000

/** Of the nodes of a tenant that a policy names by id, those that were removed, and what they were called last. */
export async function removedNodesOf(
  reader: Reader,
  tenantId: string,
  { rules }: PolicySpec,
): Promise<ReadonlyMap<string, string>> {
  const ids = idsOf(rules)
  if (ids.length === 0) return new Map()
  const names = await readRemovedNames(reader, tenantId, ids.slice(0, maxIds))
  return new Map(names.map(({ id, hostname }) => [id, hostname]))
}
