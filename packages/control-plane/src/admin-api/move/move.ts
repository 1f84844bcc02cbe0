import { ApiError, adminApi, type MoveStatus } from '@plexd/protocol'
import type { Environment, Installation, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { lastAnnounced } from '../../installation/announcing.ts'
import { aheadOf, firstOf } from '../../installation/behind.ts'
import { announceUrls, progressOf, readUrls, urlWarnings } from '../../installation/move.ts'
import { settleAnnouncement } from '../../installation/settle.ts'

type Needs = State & Installation & Environment

export const getMove = handle(adminApi.getMove, async ({ principal }, app: Needs) =>
  statusOf(app, principal.tenant_id),
)

/** The same addresses once more are no news, but for nodes that heed something later. */
export const announceMove = handle(
  adminApi.announceMove,
  async ({ principal, body }, app: Needs) => {
    const urls = readUrls(body.urls)
    if (app.config.insecureHttp && urls.length > 0)
      throw new ApiError(
        'conflict',
        'announce address: nodes come by plain HTTP (insecure_http), which proves nothing: serve TLS, then announce',
      )
    const before = app.announcing.current()?.urls ?? []
    if (urls.join(' ') === before.join(' ')) await settleAnnouncement(app)
    else await announceUrls(app, urls)
    return { ...statusOf(app, principal.tenant_id), warnings: urlWarnings(urls) }
  },
)

function statusOf(app: Needs, tenantId: string): MoveStatus {
  const { urls } = app.announcing.current() ?? { urls: [] }
  const last = lastAnnounced(app)
  const nodes = Array.from(app.fleet.nodes(tenantId))
  const moving = urls.length > 0 ? nodes : []
  const { told, there, behind } = progressOf(moving, { urls, ...last }, app.heeds.of)
  const ahead = aheadOf(nodes, last, app.heeds.of)
  return {
    urls,
    url: app.publicUrl(),
    nodes: app.fleet.nodeCount(tenantId),
    told_count: told,
    there_count: there,
    ...firstOf('behind', behind),
    ...firstOf('ahead', ahead),
  }
}
