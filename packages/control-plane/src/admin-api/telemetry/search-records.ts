import { adminApi } from '@plexd/protocol'
import type { FastifyReply } from 'fastify'
import type { Environment, SideStores, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { firstOf } from '../../rows/page.ts'
import type { FoundRecord, RecordSearch, TelemetryStore } from '../../telemetry/store.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf, type PageQuery, pageJson } from '../wire/paging.ts'
import {
  type NodesQuery,
  nodeIdsOf,
  type TimesQuery,
  timesOf,
  type WordsQuery,
  wordsOf,
} from './record-filter.ts'
import { recordJson } from './record-json.ts'
import { signalOf } from './request-signal.ts'

type Needs = State & SideStores & Waiters & Environment

export const searchLogs = handle(adminApi.searchLogs, (call, app: Needs) =>
  searchPage(app, 'logs', call),
)

/** What nodes observed; what operators did is not among it. */
export const searchAudit = handle(adminApi.searchAudit, (call, app: Needs) =>
  searchPage(app, 'audit', call),
)

interface SearchCall {
  principal: OperatorRecord
  query: PageQuery & NodesQuery & TimesQuery & WordsQuery & { order?: RecordSearch['order'] }
  reply: FastifyReply
}

async function searchPage(
  app: Needs,
  kind: RecordSearch['kind'],
  { principal, query, reply }: SearchCall,
): Promise<string> {
  const { tenant_id } = principal
  const bounds = boundsOf(query, app.config)
  const [at, id] = cursorOf(query, [0, 0]) ?? []
  const found = await collect(app.telemetry, {
    tenant_id,
    kind,
    node_ids: await nodeIdsOf(app, principal, query),
    ...timesOf(query, app.clock.now()),
    ...wordsOf(query),
    order: query.order ?? 'oldest',
    after: at === undefined || id === undefined ? undefined : { at, id },
    limit: bounds.limit + 1,
    signal: signalOf(app, principal, reply),
  })
  const page = firstOf(found, bounds, ({ record }) => Buffer.byteLength(record))
  const ids = page.rows.map(({ node_id }) => node_id)
  const hostnameOf = await readHostnames(app, { tenantId: tenant_id, ids })
  return pageJson(
    page.rows.map((row) => recordJson(row, hostnameOf(row.node_id))),
    nextOf(page, (row) => [row.at, row.id]),
  )
}

async function collect(
  telemetry: Pick<TelemetryStore, 'search'>,
  search: RecordSearch,
): Promise<FoundRecord[]> {
  const all: FoundRecord[] = []
  for await (const some of telemetry.search(search)) all.push(...some)
  return all
}
