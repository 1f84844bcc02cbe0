import {
  ApiError,
  checkSelector,
  formatSelector,
  isNodeId,
  type NamedTarget,
  parseSelector,
  type Target,
} from '@plexd/protocol'
import { type EntryKind, nodeTarget, selectorTarget } from '../mesh/entry-scope.ts'

/**
 * Parses a target into its stored form. `checkNode` throws for an unknown node id.
 * Throws an ApiError (400) unless there is exactly one of node id and valid selector; `*` is every node.
 * With a kind it also refuses forms that may exist from older versions, but must not be written any more.
 */
export function readTarget(
  { node_id, selector }: Target,
  checkNode: (id: string) => unknown,
  kind?: EntryKind,
): string {
  if (node_id !== undefined && selector === undefined) {
    refuseName(node_id)
    checkNode(node_id)
    return nodeTarget(node_id)
  }
  if (selector === undefined || node_id !== undefined)
    throw new ApiError('bad_request', 'target: want either node_id or selector')
  const text = selector.trim()
  return selectorTarget(text === '*' ? text : readSelector(text, kind))
}

/** Finds the row for a target among those of one key: older versions may have stored its selector in another spelling. */
export function rowFor<Row extends { target: string }>(
  rows: readonly Row[],
  target: string,
): Row | undefined {
  return rows.find((row) => row.target === target) ?? rows.find((row) => respelt(row) === target)
}

function respelt({ target }: { target: string }): string {
  const { selector } = targetView(target)
  try {
    return selector === undefined ? target : selectorTarget(formatSelector(parseSelector(selector)))
  } catch {
    return target // `*`, or one that nobody can read
  }
}

/** The inverse, for operators. */
export function targetView(stored: string): Target {
  const [, kind, rest = ''] = /^(node|selector):(.*)$/s.exec(stored) ?? []
  return kind === 'node' ? { node_id: rest } : { selector: rest }
}

/** The same with the name of the node. */
export function namedTarget(stored: string, hostnameOf: (id: string) => string): NamedTarget {
  const target = targetView(stored)
  const { node_id } = target
  return node_id === undefined ? target : { ...target, node_hostname: hostnameOf(node_id) }
}

function refuseName(text: string): void {
  if (isNodeId(text)) return
  throw new ApiError(
    'bad_request',
    `target: node_id "${text}" is no id: want "n_…", as "plexctl node list" shows it`,
  )
}

function readSelector(text: string, kind: EntryKind | undefined): string {
  try {
    const selector = parseSelector(text)
    if (kind) checkSelector(selector, { reported: kind === 'data' })
    return formatSelector(selector)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('bad_request', `target: ${error.message}`)
    throw error
  }
}
