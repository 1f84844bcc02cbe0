import { controlApi } from '@plexd/protocol'
import type { SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'

export const reportDrift = handle(
  controlApi.reportDrift,
  async ({ body, principal }, app: SideStores) => {
    const source = { tenant_id: principal.tenant_id, node_id: principal.id }
    await app.telemetry.append('drift', source, [JSON.stringify(body)])
    return {}
  },
)
