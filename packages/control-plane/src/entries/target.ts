import { ApiError, parseSelector, type Target } from '@plexd/protocol'
import { nodeTarget, selectorTarget } from '../mesh/entry-scope.ts'

/**
 * Reads whom an entry is for into the form in which it is stored. `nodeIdOf` finds a node by id or hostname, or throws.
 * Throws an ApiError (400) unless there is exactly one of the two and a selector can be read; `*` is every node.
 */
export function readTarget(
  { node_id, selector }: Target,
  nodeIdOf: (name: string) => string,
): string {
  if (node_id !== undefined && selector === undefined) return nodeTarget(nodeIdOf(node_id))
  if (selector === undefined || node_id !== undefined)
    throw new ApiError('bad_request', 'target: want either node_id or selector')
  const text = selector.trim()
  if (text !== '*') checkSelector(text)
  return selectorTarget(text)
}

/** The inverse, for operators. */
export function targetView(stored: string): Target {
  const [, kind, rest = ''] = /^(node|selector):(.*)$/s.exec(stored) ?? []
  return kind === 'node' ? { node_id: rest } : { selector: rest }
}

function checkSelector(text: string): void {
  try {
    parseSelector(text)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('bad_request', `target: ${error.message}`)
    throw error
  }
}
