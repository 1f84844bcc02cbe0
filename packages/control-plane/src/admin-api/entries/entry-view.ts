import type { Secret } from '@plexd/protocol'
import { namedTarget, targetView } from '../../entries/target.ts'
import type { ShownSecret, StoredEntry } from '../../rows/entries.ts'
import { type HostnameOf, readHostnames } from '../wire/hostnames.ts'
import { timestamp } from '../wire/timestamps.ts'

/** The names of the nodes that entries are for. */
export function readTargetNames(
  app: Parameters<typeof readHostnames>[0],
  tenantId: string,
  rows: readonly { target: string }[],
): Promise<HostnameOf> {
  const ids = rows.map(({ target }) => targetView(target).node_id ?? null)
  return readHostnames(app, { tenantId, ids })
}

/** As JSON text, the payload as it was written. */
export function dataEntryJson(row: StoredEntry<'data'>, hostnameOf: HostnameOf): string {
  const { key, target, content_type, payload, version, updated_at } = row
  const named = { key, target: namedTarget(target, hostnameOf), content_type }
  const head = JSON.stringify(named).slice(0, -1)
  const tail = JSON.stringify({ version, updated_at: timestamp(updated_at) }).slice(1)
  return `${head},"payload":${payload},${tail}`
}

/** A secret without its value. */
export function secretView(row: ShownSecret, hostnameOf: HostnameOf): Secret {
  return {
    key: row.key,
    target: namedTarget(row.target, hostnameOf),
    version: row.version,
    updated_at: timestamp(row.updated_at),
  }
}
