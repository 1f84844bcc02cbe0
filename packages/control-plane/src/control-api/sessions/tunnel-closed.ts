import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { recordTunnel } from './tunnel-record.ts'

export const tunnelClosed = handle(
  controlApi.tunnelClosed,
  async ({ params, body, principal }, app) => {
    await recordTunnel(app, principal, { action: 'closed', session_id: params.session_id, body })
    return {}
  },
)
