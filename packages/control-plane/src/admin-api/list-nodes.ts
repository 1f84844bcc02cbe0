import { ApiError, adminApi, matches, parseSelector } from '@plexd/protocol'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { nodeView } from '../nodes/view.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

/** In the order of registration. */
export const listNodes = handle(adminApi.listNodes, async ({ principal, query }, app) => {
  const limit = limitOf(query)
  const [afterNo] = cursorOf(query, [0]) ?? [0]
  const isAskedFor = selectorOf(query.selector)
  const found = app.fleet.nodes(principal.tenant_id)[Symbol.iterator]()
  const numbers: number[] = []
  for (const node of Iterator.from(found)) {
    if (node.no > afterNo && isAskedFor(node)) numbers.push(node.no)
    if (numbers.length > limit) break
  }
  const rows = await app.store.reader
    .selectFrom('nodes')
    .selectAll()
    .where('no', 'in', numbers)
    .where('removed_at', 'is', null)
    .orderBy('no')
    .execute()
  return toPage(rows, limit, { item: (row) => nodeView(app, row), cursor: ({ no }) => [no] })
})

function selectorOf(text: string | undefined): (node: NodeRecord) => boolean {
  if (text === undefined || text === '*') return () => true
  try {
    const selector = parseSelector(text)
    return ({ metadata }) => matches(selector, metadata)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('bad_request', error.message)
    throw error
  }
}
