import { setImmediate as turn } from 'node:timers/promises'
import { ApiError, type Capabilities, matches, parseSelector } from '@plexd/protocol'
import { findAction } from '../executions/find-action.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { withReported } from '../mesh/labels/labels.ts'
import type { NewRunNode } from '../rows/executions/run-nodes.ts'
import { readCapabilitiesOf } from '../rows/fleet/node-lookups.ts'
import type { Reader } from '../store/db.ts'

/** Which nodes a run is for: those of a selector, or a list of ids. */
export type RunTarget = { selector: string } | { nodeIds: readonly string[] }

/** Reads a selector. Throws an ApiError (400). */
export function checkSelectorText(selector: string): void {
  selectedBy(selector)
}

/**
 * The nodes of a run in the order of their turns: those of a selector in order of registration, a list as it is, each
 * node once. Nodes that were removed, do not know the action, or that `refusal` has a reason for, are skipped, with the reason. Throws an ApiError (400)
 * when that leaves none, or there are more than `most`.
 */
export async function chooseNodes(
  { fleet, reader }: { fleet: Fleet; reader: Reader },
  {
    tenantId,
    action,
    target,
    most,
    refusal = () => undefined,
  }: {
    tenantId: string
    action: string
    target: RunTarget
    most: number
    refusal?: (node: NodeRecord) => string | undefined
  },
): Promise<NewRunNode[]> {
  const ids = idsOf(fleet, tenantId, target)
  const meant = 'selector' in target ? `selector "${target.selector}"` : 'the list of nodes'
  if (ids.length === 0) throw new ApiError('bad_request', `${meant} matches no node`)
  if (ids.length > most)
    throw new ApiError(
      'bad_request',
      `${meant} names ${ids.length} nodes, and run_nodes is ${most}: make several runs of it`,
    )
  const whyNot = await refusalsOf(reader, ids, action)
  const nodes = ids.map((node_id, position): NewRunNode => {
    const node = fleet.node(node_id)
    const reason = node ? (refusal(node) ?? whyNot.get(node_id) ?? '') : 'the node was removed'
    return { position, node_id, status: reason === '' ? 'waiting' : 'skipped', reason }
  })
  const [first] = nodes
  if (first && nodes.every(({ status }) => status === 'skipped'))
    throw new ApiError(
      'bad_request',
      `no node of ${meant} can run "${action}": ${nameOf(fleet, first)}: ${first.reason}`,
    )
  return nodes
}

function nameOf(fleet: Fleet, { node_id }: NewRunNode): string {
  return fleet.node(node_id)?.hostname ?? node_id
}

function idsOf(fleet: Fleet, tenantId: string, target: RunTarget): string[] {
  if ('nodeIds' in target) return [...new Set(target.nodeIds)]
  const isMeant = selectedBy(target.selector)
  return Array.from(fleet.nodes(tenantId))
    .filter(isMeant)
    .map(({ id }) => id)
}

/** Whether a selector matches a node by its labels or what it reports; `*` matches all. Throws an ApiError (400). */
export function selectedBy(text: string): (node: NodeRecord) => boolean {
  if (text === '*') return () => true
  try {
    const selector = parseSelector(text)
    return (node) => matches(selector, withReported(node).labels)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('bad_request', error.message)
    throw error
  }
}

/** Nodes whose capabilities are read between two turns of the event loop. */
const slice = 200

/** Why nodes cannot run the action, by their ids; nodes that can are missing. */
async function refusalsOf(
  reader: Reader,
  ids: readonly string[],
  action: string,
): Promise<Map<string, string>> {
  // Most nodes of a fleet announce the same text, so each text is parsed once.
  const byText = new Map<string | null, string | undefined>()
  const refusals = new Map<string, string>()
  for (let at = 0; at < ids.length; at += slice) {
    for (const { id, capabilities } of await readCapabilitiesOf(
      reader,
      ids.slice(at, at + slice),
    )) {
      const why = byText.getOrInsertComputed(capabilities, (text) => refusalOf(action, text))
      if (why !== undefined) refusals.set(id, why)
    }
    await turn()
  }
  return refusals
}

function refusalOf(action: string, capabilities: string | null): string | undefined {
  try {
    findAction(action, JSON.parse(capabilities ?? 'null') as Capabilities | null) // validated before it was stored
    return undefined
  } catch (error) {
    if (error instanceof ApiError) return error.message
    throw error
  }
}
