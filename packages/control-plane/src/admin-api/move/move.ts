import { ApiError, adminApi, type MoveStatus } from '@plexd/protocol'
import type { Environment, Installation, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { announceUrls, progressOf, readUrls, urlWarnings } from '../../installation/move.ts'

type Needs = State & Installation & Environment

export const getMove = handle(adminApi.getMove, async ({ principal }, app: Needs) =>
  statusOf(app, principal.tenant_id),
)

/** The same addresses once more are no news. */
export const announceMove = handle(
  adminApi.announceMove,
  async ({ principal, body }, app: Needs) => {
    if (app.config.insecureHttp)
      throw new ApiError(
        'conflict',
        'announce address: nodes come by plain HTTP, which proves nothing',
      )
    const urls = readUrls(body.urls)
    const before = app.announcing.current()?.urls ?? []
    if (urls.join(' ') !== before.join(' ')) await announceUrls(app.change, urls)
    return { ...statusOf(app, principal.tenant_id), warnings: urlWarnings(urls) }
  },
)

const maxShown = 100

function statusOf(app: Needs, tenantId: string): MoveStatus {
  const { sequence, urls } = app.announcing.current() ?? { sequence: 0, urls: [] }
  const isMoving = urls.length > 0
  const nodes = isMoving ? app.fleet.nodes(tenantId) : []
  const { told, there, behind } = progressOf(nodes, { sequence, urls }, app.heeds.of)
  return {
    urls,
    url: app.publicUrl(),
    nodes: app.fleet.nodeCount(tenantId),
    told_count: told,
    there_count: there,
    behind: behind.slice(0, maxShown),
    behind_count: behind.length,
  }
}
