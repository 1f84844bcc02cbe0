import { ApiError, type AuditRecord } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { sourceOf } from '../../telemetry/store.ts'

/** What a node says of a session, or wants of it. */
export interface Told {
  session_id: string
  principal: NodeRecord
  body: { timestamp?: string; why?: string }
  action: string
}

/** In the audit records of the node: who could reach what, and when. */
export async function putOnRecord(
  { telemetry, clock }: SideStores & Environment,
  { session_id, principal, body, action }: Told,
  outcome: Pick<AuditRecord, 'result'> = {},
): Promise<void> {
  const { timestamp = new Date(clock.now()).toISOString(), ...object } = body
  const record: AuditRecord = {
    timestamp,
    source: 'plexd',
    event_type: 'tunnel',
    action,
    subject: { session_id },
    object,
    ...outcome,
    hostname: principal.hostname,
  }
  await telemetry.append({
    kind: 'audit',
    source: sourceOf(principal),
    records: [JSON.stringify(record)],
  })
}

/** Of a session of another node. Puts it on record, and rejects with an ApiError (404). */
export async function refuseClaim(app: SideStores & Environment, told: Told): Promise<never> {
  const { session_id, principal, action } = told
  await putOnRecord(app, told, { result: 'denied' })
  const { id: node_id, hostname } = principal
  app.log.warn('node claims the session of another', { session_id, node_id, hostname, action })
  throw new ApiError('not_found', `there is no session "${session_id}" of this node`)
}
