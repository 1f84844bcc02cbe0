import { ApiError, adminApi, matches, type Node, parseSelector } from '@plexd/protocol'
import { sql } from 'kysely'
import type { App } from '../app.ts'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { withReported } from '../mesh/labels.ts'
import { nodeView } from '../nodes/view.ts'
import type { NodeRow } from '../store/schema.ts'
import { cursorOf, limitOf, readPage } from './paging.ts'

/** In the order of registration. */
export const listNodes = handle(adminApi.listNodes, async ({ principal, query }, app) => {
  const limit = limitOf(query)
  const [afterNo] = cursorOf(query, [0]) ?? [0]
  const isAskedFor = selectorOf(query.selector)
  const numbers = Array.from(app.fleet.nodes(principal.tenant_id))
    .filter((node) => node.no > afterNo && isAskedFor(node))
    .slice(0, limit + 1)
    .map(({ no }) => no)
  const { rows, next } = await readPage({
    sizes: await readSizes(app, numbers),
    limit,
    maxBytes: app.config.limits.page_bytes,
    read: (count) => readRows(app, numbers.slice(0, count)),
    cursor: ({ no }) => [no],
  })
  const items: Node[] = []
  for (const row of rows) items.push(await nodeView(app, row))
  return { items, next }
})

/** Of what has no measure but that of the node. */
async function readSizes({ store }: App, numbers: readonly number[]): Promise<{ bytes: number }[]> {
  if (numbers.length === 0) return []
  const bytes = sql<number>`octet_length(labels) + octet_length(reported) + octet_length(local_endpoints)
    + octet_length(coalesce(capabilities, ''))`
  return store.reader
    .selectFrom('nodes')
    .select(bytes.as('bytes'))
    .where('no', 'in', numbers)
    .where('removed_at', 'is', null)
    .orderBy('no')
    .execute()
}

async function readRows({ store }: App, numbers: readonly number[]): Promise<NodeRow[]> {
  if (numbers.length === 0) return []
  return store.reader
    .selectFrom('nodes')
    .selectAll()
    .where('no', 'in', numbers)
    .where('removed_at', 'is', null)
    .orderBy('no')
    .execute()
}

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
