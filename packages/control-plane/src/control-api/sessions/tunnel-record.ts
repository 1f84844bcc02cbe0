import type { AuditRecord } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'

/** Stores what a node reports about an access tunnel in its audit records: who could reach what, and when. */
export async function recordTunnel(
  { telemetry, clock }: SideStores & Environment,
  node: NodeRecord,
  {
    action,
    session_id,
    body,
  }: { action: string; session_id: string; body: { timestamp?: string } },
): Promise<void> {
  const { timestamp = new Date(clock.now()).toISOString(), ...object } = body
  const record: AuditRecord = {
    timestamp,
    source: 'plexd',
    event_type: 'tunnel',
    action,
    subject: { session_id },
    object,
    hostname: node.hostname,
  }
  const source = { tenant_id: node.tenant_id, node_id: node.id }
  await telemetry.append('audit', source, [JSON.stringify(record)])
}
