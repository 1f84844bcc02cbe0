import { controlApi } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'
import { recordTunnel } from './tunnel-record.ts'

export const tunnelClosed = handle(
  controlApi.tunnelClosed,
  async ({ params, body, principal }, app: SideStores & Environment) => {
    await recordTunnel(app, principal, { action: 'closed', session_id: params.session_id, body })
    return {}
  },
)
