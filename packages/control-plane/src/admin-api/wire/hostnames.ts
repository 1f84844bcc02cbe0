import type { State } from '../../app.ts'
import { readNames } from '../../rows/fleet/node-lookups.ts'

/** The hostname for a node id; empty for an unknown id. */
export type HostnameOf = (id: string) => string

/** SQLite accepts some ten thousand parameters per statement. */
const maxIds = 1_000

/** The hostnames of these nodes of a tenant; for removed ones, the last they had. */
export async function readHostnames(
  { fleet, store }: State,
  { tenantId, ids }: { tenantId: string; ids: Iterable<string | null> },
): Promise<HostnameOf> {
  const wanted = [...new Set(ids)].filter((id) => id !== null)
  const removed = wanted.filter((id) => fleet.node(id) === undefined)
  const names = new Map<string, string>()
  for (let at = 0; at < removed.length; at += maxIds) {
    const some = removed.slice(at, at + maxIds)
    for (const { id, hostname } of await readNames(store.reader, tenantId, some))
      names.set(id, hostname)
  }
  return (id) => {
    const node = fleet.node(id)
    return (node?.tenant_id === tenantId ? node.hostname : names.get(id)) ?? ''
  }
}
