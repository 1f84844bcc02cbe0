import { controlApi } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'
import { recordTunnel } from './tunnel-record.ts'

export const tunnelReady = handle(
  controlApi.tunnelReady,
  async ({ params, body, principal }, app: SideStores & Environment) => {
    await recordTunnel(app, principal, { action: 'ready', session_id: params.session_id, body })
    return {}
  },
)
