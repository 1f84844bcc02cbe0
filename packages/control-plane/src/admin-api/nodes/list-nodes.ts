import { ApiError, adminApi, matches, type Node, parseSelector } from '@plexd/protocol'
import type { Delivery, Environment, NodeMemory, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { withReported } from '../../mesh/labels.ts'
import { nodeView } from '../../nodes/view.ts'
import { readNodes } from '../../rows/fleet/nodes.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

/** In the order of registration. */
export const listNodes = handle(
  adminApi.listNodes,
  async ({ principal, query }, app: State & Delivery & NodeMemory & Environment) => {
    const bounds = boundsOf(query, app.config)
    const [afterNo] = cursorOf(query, [0]) ?? [0]
    const isAskedFor = selectorOf(query.selector)
    const numbers = Array.from(app.fleet.nodes(principal.tenant_id))
      .filter((node) => node.no > afterNo && isAskedFor(node))
      .slice(0, bounds.limit + 1)
      .map(({ no }) => no)
    if (numbers.length === 0) return { items: [], next: null }
    const page = await readNodes(app.store.reader, numbers, bounds)
    const items: Node[] = []
    for (const stored of page.rows) items.push(await nodeView(app, stored))
    return { items, next: nextOf(page, ({ node }) => [node.no]) }
  },
)

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
