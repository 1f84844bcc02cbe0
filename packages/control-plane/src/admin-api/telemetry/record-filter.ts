import { ApiError, type Severity, severities } from '@plexd/protocol'
import type { State } from '../../app.ts'
import type { NodeRecord, OperatorRecord } from '../../mesh/fleet.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'
import type { RecordFilter } from '../../telemetry/packs/matcher.ts'
import { findNode, findNodeEver } from '../wire/find-node.ts'
import { readMoment } from '../wire/timestamps.ts'

export interface NodesQuery {
  node?: string
  selector?: string
}

export interface TimesQuery {
  since?: string
  until?: string
}

export interface WordsQuery {
  /** Of logs. */
  unit?: string
  severity?: Severity
  /** Of audit records. */
  type?: string
  grep?: string
}

/**
 * Ids of the nodes that are asked for, a node by its name also after it was removed; undefined for all of the tenant. Throws an
 * ApiError: 404 for an unknown node, 400 for a selector that cannot be read.
 */
export async function nodeIdsOf(
  app: State,
  operator: OperatorRecord,
  query: NodesQuery,
): Promise<string[] | undefined> {
  refuseBoth(query)
  if (query.node !== undefined) return [(await findNodeEver(app, operator, query.node)).id]
  if (query.selector === undefined || query.selector === '*') return undefined
  const isMeant = selectedBy(query.selector)
  return Array.from(app.fleet.nodes(operator.tenant_id))
    .filter(isMeant)
    .map(({ id }) => id)
}

export interface FollowedNodes {
  /** Undefined for a node that is not asked for. */
  find(nodeId: string): NodeRecord | undefined
  all(): NodeRecord[]
  /** Whether the one that was asked for by its name was removed. */
  areGone(): boolean
}

/** The nodes that are asked for, as they are at any time; throws like `nodeIdsOf`, and for a node that was removed. */
export function followedNodes(
  { fleet }: State,
  operator: OperatorRecord,
  query: NodesQuery,
): FollowedNodes {
  refuseBoth(query)
  const isMeant = selectedBy(query.selector ?? '*')
  const { tenant_id } = operator
  const only = query.node === undefined ? undefined : findNode(fleet, operator, query.node).id
  const find = (nodeId: string): NodeRecord | undefined => {
    if (only !== undefined && nodeId !== only) return undefined
    const node = fleet.node(nodeId)
    return node?.tenant_id === tenant_id && isMeant(node) ? node : undefined
  }
  return {
    find,
    all: () => Array.from(fleet.nodes(tenant_id)).filter(({ id }) => find(id) !== undefined),
    areGone: () => only !== undefined && fleet.node(only) === undefined,
  }
}

/** Throws an ApiError (400) for a time that cannot be read. */
export function timesOf(
  { since, until }: TimesQuery,
  nowMs: number,
): { sinceMs: number; untilMs: number } {
  return {
    // A clock may stand before 1970.
    sinceMs:
      since === undefined ? Number.MIN_SAFE_INTEGER : readMoment(since, { field: 'since', nowMs }),
    untilMs:
      until === undefined ? Number.MAX_SAFE_INTEGER : readMoment(until, { field: 'until', nowMs }),
  }
}

export function wordsOf(query: WordsQuery): Omit<RecordFilter, 'sinceMs' | 'untilMs'> {
  const { severity, grep } = query
  return {
    units: listOf(query.unit)?.flatMap(spellingsOf) ?? listOf(query.type),
    severities: severity && severities.slice(severities.indexOf(severity)),
    grep,
  }
}

function refuseBoth({ node, selector }: NodesQuery): void {
  if (node !== undefined && selector !== undefined)
    throw new ApiError('bad_request', 'want a node or a selector, not both')
}

/** systemd takes `nginx` for `nginx.service`; our agent sends the one, others may send the other. */
function spellingsOf(unit: string): string[] {
  const short = unit.replace(/\.service$/, '')
  return [short, `${short}.service`]
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((part) => part.trim())
}
