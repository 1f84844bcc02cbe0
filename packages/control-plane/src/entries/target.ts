import {
  ApiError,
  checkSelector,
  formatSelector,
  isNodeId,
  type NamedTarget,
  parseSelector,
  type Target,
} from '@plexd/protocol'
import { nodeTarget, selectorTarget } from '../mesh/entry-scope.ts'

/** What a selector of these may ask for: a secret goes by what operators say, never by what its reader says. */
export type EntryKind = 'data' | 'secret'

/**
 * Reads whom an entry is for into the form in which it is stored. `checkNode` throws for the id of no node.
 * Throws an ApiError (400) unless there is exactly one of the two, an id or a selector that can be read; `*` is every node.
 * With a kind it also refuses what nobody may write now, though it may be stored from before.
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

/** Of the rows of one key, the one for a target: its selector may be spelt otherwise, as older versions kept it. */
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
