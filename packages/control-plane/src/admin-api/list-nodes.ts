import { ApiError, adminApi, matches, type Node, parseSelector } from '@plexd/protocol'
import type { App } from '../app.ts'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { withReported } from '../mesh/labels.ts'
import { nodeView } from '../nodes/view.ts'
import type { NodeRow } from '../store/schema.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

/** In the order of registration. */
export const listNodes = handle(adminApi.listNodes, async ({ principal, query }, app) => {
  const limit = limitOf(query)
  const [afterNo] = cursorOf(query, [0]) ?? [0]
  const isAskedFor = selectorOf(query.selector)
  const numbers = Array.from(app.fleet.nodes(principal.tenant_id))
    .filter((node) => node.no > afterNo && isAskedFor(node))
    .slice(0, limit + 1)
    .map(({ no }) => no)
  const page = toPage(numbers, limit, { item: (no) => no, cursor: (no) => [no] })
  const rows = await readRows(app, page.items)
  const items: Node[] = []
  for (const row of rows) items.push(await nodeView(app, row))
  return { items, next: page.next }
})

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
