import { ApiError, adminApi, matches, type Node, parseSelector } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { withReported } from '../mesh/labels.ts'
import { nodeView } from '../nodes/view.ts'
import { readPage } from '../rows/page.ts'
import { boundsOf, cursorOf, nextOf } from './paging.ts'

/** In the order of registration. */
export const listNodes = handle(adminApi.listNodes, async ({ principal, query }, app) => {
  const bounds = boundsOf(query, app.config)
  const [afterNo] = cursorOf(query, [0]) ?? [0]
  const isAskedFor = selectorOf(query.selector)
  const numbers = Array.from(app.fleet.nodes(principal.tenant_id))
    .filter((node) => node.no > afterNo && isAskedFor(node))
    .slice(0, bounds.limit + 1)
    .map(({ no }) => no)
  if (numbers.length === 0) return { items: [], next: null }
  const nodes = app.store.reader
    .selectFrom('nodes')
    .where('no', 'in', numbers)
    .where('removed_at', 'is', null)
    .orderBy('no')
  const page = await readPage(nodes, bytes, bounds)
  const items: Node[] = []
  for (const row of page.rows) items.push(await nodeView(app, row))
  return { items, next: nextOf(page, ({ no }) => [no]) }
})

/** Of what has no measure but that of the node. */
const bytes = sql<number>`octet_length(labels) + octet_length(reported) + octet_length(local_endpoints)
  + octet_length(coalesce(capabilities, ''))`

function selectorOf(text: string | undefined): (node: NodeRecord) => boolean {
  if (text === undefined || text === '*') return () => true
  try {
    const selector = parseSelector(text)
    return (node) => matches(selector, withReported(node).labels)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('bad_request', error.message)
    throw error
  }
}
