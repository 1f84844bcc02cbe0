import type { App } from '../../app.ts'
import type { Fleet } from '../../mesh/fleet.ts'
import { readNames } from '../../rows/fleet/node-lookups.ts'

/** What a node is called, by its id; empty for the id of none. */
export type HostnameOf = (id: string) => string

/** SQLite takes some ten thousand values in a statement. */
const maxIds = 1_000

/** The names of these nodes of a tenant, also of those that were removed: the last that they had. */
export async function readHostnames(
  { fleet, store }: { fleet: Fleet } & Pick<App, 'store'>,
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
