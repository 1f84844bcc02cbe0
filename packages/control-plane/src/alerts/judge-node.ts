import { newId } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { StoredAlert } from '../rows/alerts/alerts.ts'
import type { ActiveRule, Book } from './book.ts'
import type { Facts, Reading } from './conditions/facts.ts'
import { decide, type Standing } from './decide.ts'

/** An alert that is not resolved. */
export interface OpenAlert extends StoredAlert {
  state: 'pending' | 'firing'
  clearSinceMs?: number | undefined
}

/** What one look at a node changes, by the names of rules. */
export interface NodeVerdict {
  /** How alerts stand now; undefined for one that is over. */
  open: Map<string, OpenAlert | undefined>
  put: StoredAlert[]
  /** The ids of those that were pending for nothing. */
  dropped: string[]
  /** Those that webhooks have to be told of, as they are put. */
  notices: StoredAlert[]
}

type OpenOfNode = ReadonlyMap<string, OpenAlert>

/** Judges a node by all rules. Pure, but for the ids of new alerts. */
export function judgeNode(
  node: NodeRecord,
  { rules, silences }: Book,
  { facts, open }: { facts: Facts; open: OpenOfNode },
): NodeVerdict {
  const verdict = noVerdict()
  for (const rule of rules) {
    const before = open.get(rule.name)
    const reading = rule.look.read(facts)
    if (!before && reading.is !== 'holds') continue
    if (!rule.isFor(node)) {
      if (before) close(verdict, before, facts.nowMs, 'the rule is not for the node any more')
      continue
    }
    judgeRule(verdict, { node, rule, before, reading, facts })
  }
  const known = new Set(rules.map(({ name }) => name))
  for (const [name, alert] of open)
    if (!known.has(name)) close(verdict, alert, facts.nowMs, 'the rule was deleted')
  tellFiring(verdict, (alert) =>
    silences.some((silence) => silence.endsMs > facts.nowMs && silence.covers(alert, node)),
  )
  return verdict
}

/** The node is gone. */
export function closeAll(open: OpenOfNode, nowMs: number): NodeVerdict {
  const verdict = noVerdict()
  for (const alert of open.values()) close(verdict, alert, nowMs, 'the node was removed')
  return verdict
}

function noVerdict(): NodeVerdict {
  return { open: new Map(), put: [], dropped: [], notices: [] }
}

interface Case {
  node: NodeRecord
  rule: ActiveRule
  before: OpenAlert | undefined
  reading: Reading
  facts: Facts
}

function judgeRule(verdict: NodeVerdict, given: Case): void {
  const { rule, before, reading, facts } = given
  const { forMs, keepFiringMs } = rule
  const standing = decide(before && standingOf(before), reading.is, {
    nowMs: facts.nowMs,
    forMs,
    keepFiringMs,
  })
  if (!standing) {
    if (before) close(verdict, before, facts.nowMs, 'the condition does not hold any more')
    return
  }
  const after = { ...alertOf(given, standing), clearSinceMs: standing.clearSinceMs }
  verdict.open.set(rule.name, after)
  if (before?.state !== after.state) verdict.put.push(rowOf(after))
}

function standingOf({ state, since, clearSinceMs }: OpenAlert): Standing {
  return { state, sinceMs: since, clearSinceMs }
}

/** What was seen is written down when it begins, and when it fires. */
function alertOf({ node, rule, before, reading, facts }: Case, { state, sinceMs }: Standing) {
  if (before?.state === state) return before
  return {
    id: before?.id ?? newId('alert'),
    tenant_id: node.tenant_id,
    rule: rule.name,
    severity: rule.severity,
    node_id: node.id,
    hostname: node.hostname,
    state,
    summary: rule.look.describe(reading, facts),
    value: reading.value,
    since: sinceMs,
    fired_at: state === 'firing' ? facts.nowMs : null,
    resolved_at: null,
    reason: '',
    told: false,
  }
}

function close(verdict: NodeVerdict, alert: OpenAlert, nowMs: number, reason: string): void {
  verdict.open.set(alert.rule, undefined)
  if (alert.state === 'pending') return void verdict.dropped.push(alert.id)
  const resolved = { ...rowOf(alert), state: 'resolved' as const, resolved_at: nowMs, reason }
  verdict.put.push(resolved)
  // Whoever was told of it waits for its end, silenced or not.
  if (alert.told) verdict.notices.push(resolved)
}

/** An alert that began in a silence is told when that is over. */
function tellFiring(verdict: NodeVerdict, isSilenced: (alert: OpenAlert) => boolean): void {
  for (const [name, alert] of verdict.open) {
    if (alert?.state !== 'firing' || alert.told || isSilenced(alert)) continue
    const told = { ...alert, told: true }
    verdict.open.set(name, told)
    verdict.put = [...verdict.put.filter(({ id }) => id !== told.id), rowOf(told)]
    verdict.notices.push(rowOf(told))
  }
}

function rowOf({ clearSinceMs: _, ...row }: OpenAlert): StoredAlert {
  return row
}
