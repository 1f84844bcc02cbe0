import type { AuditRecord, Capabilities } from '@plexd/protocol'
import type { Environment, SideStores } from '../app.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { sourceOf } from '../telemetry/store.ts'

/** Puts on record that the SSH server of a node has another host key: clients that knew the old one will refuse it. */
export async function noteHostKey(
  { telemetry, clock, log }: SideStores & Environment,
  node: NodeRecord,
  { before, after }: { before: Capabilities | null; after: Capabilities },
): Promise<void> {
  const [old, next] = [before?.sessions?.host_key, after.sessions?.host_key]
  if (old === undefined || next === undefined || old === next) return
  log.warn('host key of node changed', { node_id: node.id, hostname: node.hostname })
  const record: AuditRecord = {
    timestamp: new Date(clock.now()).toISOString(),
    source: 'control-plane',
    event_type: 'session',
    action: 'host_key_changed',
    object: { before: old, after: next },
    hostname: node.hostname,
  }
  await telemetry.append({
    kind: 'audit',
    source: sourceOf(node),
    records: [JSON.stringify(record)],
  })
}
