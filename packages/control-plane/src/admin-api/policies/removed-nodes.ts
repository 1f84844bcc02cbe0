import type { PolicySpec } from '@plexd/protocol'
import { readRemovedNames } from '../../rows/fleet/node-lookups.ts'
import type { Reader } from '../../store/db.ts'
import { idsOf } from './policy-view.ts'

/** SQLite accepts some ten thousand parameters per statement; no policy names that many removed nodes. */
const maxIds = 1_000

/** The removed nodes that a policy names by id, with their last hostnames. */
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
