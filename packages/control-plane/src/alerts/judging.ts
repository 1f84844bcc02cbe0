import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '@plexd/runtime'
import type { Follower } from '../log/log.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { readOpenAlerts } from '../rows/alerts/alerts.ts'
import { readMismatched } from '../rows/fleet/node-binaries.ts'
import type { Reader } from '../store/db.ts'
import type { Latest } from '../telemetry/latest/latest.ts'
import type { ArrivedBatch } from '../telemetry/store.ts'
import { createBooks } from './books.ts'
import type { Facts } from './conditions/facts.ts'
import { createValuesOf } from './conditions/series-values.ts'
import { createWatched } from './conditions/watched.ts'
import { createDueNodes } from './due-nodes.ts'
import { closeAll, judgeNode, type NodeVerdict, type OpenAlert } from './judge-node.ts'
import { type SettleDeps, settle } from './settle.ts'

export interface JudgingDeps extends SettleDeps {
  fleet: Fleet
  latest: Pick<Latest, 'of' | 'programs'>
  clock: Clock
}

export interface Judging {
  follow: Follower
  followRecords(batch: ArrivedBatch): void
  /** Judges what has changed: of liveness each time, of all else every 15 seconds. Call it every second. */
  judge(): Promise<void>
  /** Those that are not resolved, of all tenants. */
  open(): Iterable<OpenAlert>
}

const roundMs = 15_000
/** Between as many, others get their turn; and so many are written in one transaction. */
const sliceNodes = 100

/** By node, then by the name of the rule. */
type OpenAlerts = Map<string, Map<string, OpenAlert>>

/** Alerts are in memory as they are on disk, so that a restart neither forgets one nor fires it again. */
export async function openJudging(deps: JudgingDeps): Promise<Judging> {
  const { store, fleet, clock } = deps
  const watchingSinceMs = clock.now()
  const watched = createWatched()
  const due = createDueNodes(fleet)
  const books = createBooks(deps)
  const seriesValues = createValuesOf(deps.latest)
  const open = await loadOpen(store.reader)
  let mismatched: ReadonlySet<string> = new Set()
  let nextRoundMs = clock.monotonic() + roundMs

  function factsOf(node: NodeRecord, nowMs: number): Facts {
    const valuesOf = (name: string) => seriesValues(node.id, name)
    return {
      nowMs,
      status: node.status,
      isMismatch: mismatched.has(node.id),
      valuesOf,
      grewAtMs: (name) => watched.grewAtMs(node.id, { name, values: valuesOf(name), nowMs }),
      arrivals: (kind) => watched.arrivals(node.id, kind),
      watchingSinceMs,
    }
  }

  /** By tenant and node; without nodes of which nothing is to be said. */
  async function judgeNodes(ids: readonly string[], nowMs: number) {
    const verdicts = new Map<string, Map<string, NodeVerdict>>()
    for (const [at, id] of ids.entries()) {
      const own = open.get(id) ?? new Map<string, OpenAlert>()
      const node = fleet.node(id)
      const tenantId = node?.tenant_id ?? own.values().next().value?.tenant_id
      if (tenantId === undefined) continue
      const book = await books.of(tenantId)
      const verdict = node
        ? judgeNode(node, book, { facts: factsOf(node, nowMs), open: own })
        : closeAll(own, nowMs)
      if (verdict.open.size > 0)
        verdicts.getOrInsertComputed(tenantId, () => new Map()).set(id, verdict)
      if (at % sliceNodes === sliceNodes - 1) await turn()
    }
    return verdicts
  }

  /** All are judged before any is written, so that what happens at one time is told together. */
  async function judgeAndSettle(ids: readonly string[]): Promise<void> {
    const nowMs = clock.now()
    for (const [tenantId, ofTenant] of await judgeNodes(ids, nowMs)) {
      const all = [...ofTenant]
      const book = await books.of(tenantId)
      const changed = all.filter(([, { put, dropped }]) => put.length + dropped.length > 0)
      for (let at = 0; at < changed.length; at += sliceNodes) {
        const slice = changed.slice(at, at + sliceNodes)
        await settle(
          deps,
          slice.map(([, verdict]) => verdict),
          { book, nowMs },
        )
        for (const [nodeId, verdict] of slice) remember(open, nodeId, verdict)
      }
      for (const [nodeId, verdict] of all) remember(open, nodeId, verdict)
    }
  }

  return {
    follow(commit) {
      due.follow(commit)
      for (const change of commit.changes) {
        if (change.type === 'alerting_changed') books.drop(change.tenant_id)
        if (change.type === 'node_removed') watched.forget(change.node.id)
      }
    },
    followRecords(batch) {
      watched.follow(batch)
      due.followRecords(batch)
    },
    async judge() {
      for (const tenantId of books.takeChanged())
        due.add(Array.from(fleet.nodes(tenantId), ({ id }) => id))
      const isRound = clock.monotonic() >= nextRoundMs
      if (isRound) {
        nextRoundMs = clock.monotonic() + roundMs
        mismatched = await readMismatched(store.reader)
      }
      const ids = isRound
        ? [...due.takeAll().union(open).union(books.lackingNodes())]
        : due.takeUrgent()
      try {
        await judgeAndSettle(ids)
      } catch (error) {
        // As on a full disk: what was not written has not happened, and the next round looks again.
        due.add(ids)
        throw error
      }
    },
    *open() {
      for (const ofNode of open.values()) yield* ofNode.values()
    },
  }
}

async function loadOpen(reader: Reader): Promise<OpenAlerts> {
  const open: OpenAlerts = new Map()
  for (const { state, ...alert } of await readOpenAlerts(reader)) {
    if (state === 'resolved') continue
    const ofNode = open.getOrInsertComputed(alert.node_id, () => new Map())
    ofNode.set(alert.rule, { ...alert, state })
  }
  return open
}

function remember(open: OpenAlerts, nodeId: string, verdict: NodeVerdict): void {
  const own = open.getOrInsertComputed(nodeId, () => new Map())
  for (const [rule, alert] of verdict.open)
    if (alert) own.set(rule, alert)
    else own.delete(rule)
  if (own.size === 0) open.delete(nodeId)
}
