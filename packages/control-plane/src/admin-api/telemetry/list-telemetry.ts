import { ApiError, adminApi } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { firstOf } from '../../rows/page.ts'
import { isRecordKind, recordKinds } from '../../telemetry/packs/kinds.ts'
import { findNodeEver } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from '../wire/paging.ts'
import { readMoment } from '../wire/timestamps.ts'
import { recordJson } from './record-json.ts'

export const listTelemetry = handle(
  adminApi.listTelemetry,
  async ({ principal, params, query }, app: State & SideStores & Environment) => {
    const { telemetry, clock } = app
    const { id: node_id, hostname: node_hostname } = await findNodeEver(app, principal, params.node)
    if (!isRecordKind(params.kind))
      throw new ApiError('bad_request', `kind "${params.kind}": want ${recordKinds.join(', ')}`)
    const bounds = boundsOf(query, app.config)
    const [after] = cursorOf(query, [0]) ?? [0]
    const found = await telemetry.list({
      node_id,
      kind: params.kind,
      sinceMs:
        query.since === undefined
          ? 0
          : readMoment(query.since, { field: 'since', nowMs: clock.now() }),
      after,
      limit: bounds.limit + 1,
      maxBytes: bounds.maxBytes,
    })
    const page = firstOf(found, bounds, ({ record }) => Buffer.byteLength(record))
    const items = page.rows.map((row) => recordJson(row, node_hostname))
    return pageJson(
      items,
      nextOf(page, ({ id }) => [id]),
    )
  },
)
