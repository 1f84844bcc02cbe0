import { type AuditRecord, controlApi } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'
import { sourceOf } from '../../telemetry/store.ts'

export const tunnelReady = recorded(controlApi.tunnelReady, 'ready')
export const tunnelClosed = recorded(controlApi.tunnelClosed, 'closed')

/** Stores what a node reports about an access tunnel in its audit records: who could reach what, and when. */
function recorded(
  operation: typeof controlApi.tunnelReady | typeof controlApi.tunnelClosed,
  action: string,
) {
  return handle(
    operation,
    async (
      { params: { session_id }, body, principal },
      { telemetry, clock }: SideStores & Environment,
    ) => {
      const { timestamp = new Date(clock.now()).toISOString(), ...object } = body
      const record: AuditRecord = {
        timestamp,
        source: 'plexd',
        event_type: 'tunnel',
        action,
        subject: { session_id },
        object,
        hostname: principal.hostname,
      }
      await telemetry.append('audit', sourceOf(principal), [JSON.stringify(record)])
      return {}
    },
  )
}
