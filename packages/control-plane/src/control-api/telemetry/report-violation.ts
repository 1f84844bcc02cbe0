import { controlApi } from '@plexd/protocol'
import type { Environment, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'

export const reportViolation = handle(
  controlApi.reportViolation,
  async ({ body, principal }, app: SideStores & Environment) => {
    const source = { tenant_id: principal.tenant_id, node_id: principal.id }
    await app.telemetry.append('violations', source, [JSON.stringify(body)])
    const { type, path } = body
    app.log.warn('integrity violation', { node_id: principal.id, type, path })
    return {}
  },
)
