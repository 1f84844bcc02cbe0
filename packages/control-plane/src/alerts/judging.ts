import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, Log } from '@plexd/runtime'
import type { Follower } from '../log/log.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { readOpenAlerts, writeAlerts } from '../rows/alerts/alerts.ts'
import { appendMessages } from '../rows/alerts/messages.ts'
import { readMismatched } from '../rows/fleet/node-binaries.ts'
import type { Store } from '../store/db.ts'
import type { Latest } from '../telemetry/latest/latest.ts'
import type { ArrivedBatch } from '../telemetry/store.ts'
import { type Book, readBook } from './book.ts'
import type { Facts } from './condition.ts'
import { closeAll, judgeNode, type NodeVerdict, type OpenAlert } from './judge-node.ts'
import { messagesOf } from './notices.ts'
import { createWatched } from './watched.ts'

export interface JudgingDeps {
  store: Store
  fleet: Fleet
  latest: Pick<Latest, 'of'>
  clock: Clock
  log: Pick<Log, 'info' | 'warn'>
  /** How many messages may wait for a webhook. */
  maxMessages(): number
  onDropped(messages: number): void
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
/** Between two slices others get their turn, and each has its own transaction. */
const sliceNodes = 100

/** Alerts are in memory as they are on disk, so that a restart neither forgets one nor fires it again. */
export async function openJudging(deps: JudgingDeps): Promise<Judging> {
  const { store, fleet, clock } = deps
  const watchingSinceMs = clock.now()
  const watched = createWatched()
  const open = new Map<string, Map<string, OpenAlert>>()
  for (const { state, ...alert } of await readOpenAlerts(store.reader)) {
    if (state === 'resolved') continue
    const ofNode = open.getOrInsertComputed(alert.node_id, () => new Map())
    ofNode.set(alert.rule, { ...alert, state })
  }
  const books = new Map<string, Book>()
  const staleBooks = new Set<string>()
  const changed = new Set(Array.from(fleet.allNodes(), ({ id }) => id))
  /** Whose liveness has changed, or that are gone. */
  const urgent = new Set<string>()
  const statuses = new Map(Array.from(fleet.allNodes(), ({ id, status }) => [id, status]))
  let mismatched: ReadonlySet<string> = new Set()
  let nextRoundMs = clock.monotonic() + roundMs

  async function bookOf(tenantId: string): Promise<Book> {
    const known = books.get(tenantId)
    if (known) return known
    const book = await readBook(store.reader, { tenantId, nowMs: clock.now() })
    books.set(tenantId, book)
    return book
  }

  function dropStaleBooks(): void {
    for (const tenantId of staleBooks) {
      books.delete(tenantId)
      for (const { id } of fleet.nodes(tenantId)) changed.add(id)
    }
    staleBooks.clear()
  }

  /** The nodes that may be judged otherwise than the last time: what costs nothing while nothing changes. */
  function takeRound(): Set<string> {
    const ids = new Set([...changed, ...urgent, ...open.keys()])
    for (const [tenantId, { rules }] of books)
      if (rules.some(({ when }) => when.no_data))
        for (const { id } of fleet.nodes(tenantId)) ids.add(id)
    changed.clear()
    urgent.clear()
    return ids
  }

  function factsOf(node: NodeRecord, nowMs: number): Facts {
    const latestOf = (metric: string) => deps.latest.of(node.id, metric)
    return {
      nowMs,
      status: node.status,
      isMismatch: mismatched.has(node.id),
      valueOf: latestOf,
      grewAtMs: (name) => watched.grewAtMs(node.id, { name, latest: latestOf(name), nowMs }),
      arrivals: (kind) => watched.arrivals(node.id, kind),
      watchingSinceMs,
    }
  }

  const noAlerts: ReadonlyMap<string, OpenAlert> = new Map()

  async function judgeSlice(ids: readonly string[]): Promise<void> {
    const nowMs = clock.now()
    const verdicts = new Map<string, Map<string, NodeVerdict>>()
    for (const id of ids) {
      const own = open.get(id) ?? noAlerts
      const node = fleet.node(id)
      const tenantId = node?.tenant_id ?? own.values().next().value?.tenant_id
      if (tenantId === undefined) continue
      const book = await bookOf(tenantId)
      const verdict = node
        ? judgeNode(node, book, { facts: factsOf(node, nowMs), open: own })
        : closeAll(own, nowMs)
      if (verdict.open.size > 0)
        verdicts.getOrInsertComputed(tenantId, () => new Map()).set(id, verdict)
    }
    for (const [tenantId, ofTenant] of verdicts) await settle(tenantId, ofTenant, nowMs)
  }

  /** What is told waits in the transaction that says it was. */
  async function settle(
    tenantId: string,
    verdicts: ReadonlyMap<string, NodeVerdict>,
    nowMs: number,
  ): Promise<void> {
    const all = [...verdicts.values()]
    const put = all.flatMap((verdict) => verdict.put)
    const dropped = all.flatMap((verdict) => verdict.dropped)
    const notices = all.flatMap((verdict) => verdict.notices)
    if (put.length > 0 || dropped.length > 0) {
      const messages = messagesOf(notices, await bookOf(tenantId), nowMs)
      const byWebhook = Object.entries(Object.groupBy(messages, ({ webhook_id }) => webhook_id))
      const limit = deps.maxMessages()
      const lost = await store.write(async (tx) => {
        await writeAlerts(tx, { put, dropped })
        let count = 0
        for (const [id, own = []] of byWebhook)
          count += await appendMessages(tx, id, { messages: own, limit })
        return count
      })
      if (lost > 0) deps.onDropped(lost)
    }
    for (const [nodeId, verdict] of verdicts) remember(nodeId, verdict)
    logAlerts(deps.log, put)
  }

  function remember(nodeId: string, verdict: NodeVerdict): void {
    const own = open.getOrInsertComputed(nodeId, () => new Map())
    for (const [rule, alert] of verdict.open)
      if (alert) own.set(rule, alert)
      else own.delete(rule)
    if (own.size === 0) open.delete(nodeId)
  }

  async function judgeAll(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += sliceNodes) {
      try {
        await judgeSlice(ids.slice(at, at + sliceNodes))
      } catch (error) {
        // As on a full disk: nothing of it has happened, and the next round looks at them again.
        for (const id of ids.slice(at)) changed.add(id)
        throw error
      }
      await turn()
    }
  }

  return {
    follow({ changes }) {
      for (const change of changes) {
        if (change.type === 'alerting_changed') staleBooks.add(change.tenant_id)
        if (change.type === 'node_put') {
          const { id, status } = change.node
          if (statuses.get(id) !== status) urgent.add(id)
          statuses.set(id, status)
          changed.add(id)
        }
        if (change.type === 'node_removed') {
          const { id } = change.node
          urgent.add(id)
          statuses.delete(id)
          watched.forget(id)
        }
      }
    },
    followRecords(batch) {
      watched.follow(batch)
      if (batch.kind !== 'logs' && batch.kind !== 'audit') changed.add(batch.source.node_id)
    },
    async judge() {
      dropStaleBooks()
      if (clock.monotonic() < nextRoundMs) {
        const ids = [...urgent]
        urgent.clear()
        return judgeAll(ids)
      }
      nextRoundMs = clock.monotonic() + roundMs
      mismatched = await readMismatched(store.reader)
      await judgeAll([...takeRound()])
    },
    *open() {
      for (const ofNode of open.values()) yield* ofNode.values()
    },
  }
}

function logAlerts(log: JudgingDeps['log'], alerts: NodeVerdict['put']): void {
  for (const { rule, severity, node_id, hostname, state, summary, reason } of alerts) {
    const fields = { rule, severity, node_id, hostname, summary }
    if (state === 'firing') log.warn('alert fires', fields)
    if (state === 'resolved') log.info('alert resolved', { ...fields, reason })
  }
}
