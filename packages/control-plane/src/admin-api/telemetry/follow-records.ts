import { ApiError, adminApi } from '@plexd/protocol'
import type { FastifyReply } from 'fastify'
import type { Environment, SideStores, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { SseStream } from '../../http/sse.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import type { RecordKind } from '../../telemetry/packs/kinds.ts'
import { createMatcher, factsOf, type RecordFacts } from '../../telemetry/packs/matcher.ts'
import type { StoredRecord } from '../../telemetry/store.ts'
import { readBacklog } from '../../telemetry/tail/backlog.ts'
import { createTail, recordsAtOnce } from '../../telemetry/tail/tail.ts'
import { openOperatorStream } from '../wire/operator-stream.ts'
import { createSink, positionFrame } from './follow-frames.ts'
import {
  type FollowedNodes,
  followedNodes,
  type NodesQuery,
  timesOf,
  type WordsQuery,
  wordsOf,
} from './record-filter.ts'

type Needs = State & SideStores & Waiters & Environment

export const followLogs = handle(adminApi.followLogs, (call, app: Needs) =>
  follow(app, 'logs', call),
)

export const followAudit = handle(adminApi.followAudit, (call, app: Needs) =>
  follow(app, 'audit', call),
)

interface FollowCall {
  principal: OperatorRecord
  query: NodesQuery & WordsQuery & { after?: string }
  reply: FastifyReply
}

/** Ends when the token is revoked, its node is removed, or the control plane stops. */
async function follow(
  app: Needs,
  kind: RecordKind,
  { principal, query, reply }: FollowCall,
): Promise<undefined> {
  const nodes = followedNodes(app, principal, query)
  const after = positionOf(query.after)
  const isWanted = createWanted(kind, query)
  const stream = openOperatorStream(app, { principal, reply }, nodes.areGone)
  stream.onClose(startTail(app, stream, { kind, nodes, isWanted, after }))
  return undefined
}

/** Whatever time the node says it is. Who wants all has nothing parsed. */
function createWanted(kind: RecordKind, query: WordsQuery): TailSubject['isWanted'] {
  const words = wordsOf(query)
  if (Object.values(words).every((word) => word === undefined)) return () => true
  const matches = createMatcher({ ...timesOf({}, 0), ...words })
  return ({ record }, facts = factsOf(kind, record)) => matches({ ...facts, at: 0 })
}

interface TailSubject {
  kind: RecordKind
  nodes: FollowedNodes
  /** `facts`: of the record, where they are known already. */
  isWanted(record: StoredRecord, facts?: RecordFacts): boolean
  /** The id of the last record that the reader has; undefined to begin now. */
  after: number | undefined
}

/** For a reader that is slow. */
const bounds = { maxRecords: 5_000, maxBytes: 1024 * 1024 }
/** For a reader that was away. */
const backlogRecords = 10_000

/** What came before the call is read from the store, what comes later is heard of: each record comes once. Returns how to stop it. */
function startTail(
  { telemetry, clock }: Needs,
  stream: SseStream,
  { kind, nodes, isWanted, after }: TailSubject,
): () => void {
  const gone = new AbortController()
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const sink = createSink(stream, (id) => nodes.find(id)?.hostname ?? '')
  const tail = createTail(sink, { ...bounds, ready })
  /** Up to this id records are read from the store, also such as were committed before and are told of only now. */
  let start: number | undefined
  const begin = (id: number): number => {
    start ??= id
    return start
  }
  const stopFollowing = telemetry.onAppend((batch) => {
    const { node_id } = batch.source
    if (batch.kind !== kind || !nodes.find(node_id)) return
    for (const [index, record] of batch.records.entries()) {
      const stored = { id: batch.firstId + index, node_id, received_at: batch.received_at, record }
      if (stored.id > begin(batch.firstId - 1) && isWanted(stored, batch.facts[index]))
        tail.offer(stored)
    }
  })

  async function sendBacklog(): Promise<void> {
    const { signal } = gone
    const upTo = begin(Number(await telemetry.cursorNow(kind)))
    const from = after ?? upTo
    const nodeIds = nodes.all().map(({ id }) => id)
    const options = { kind, nodeIds, after: from, upTo, isWanted, signal }
    const { records, isCut } = await readBacklog(telemetry, {
      ...options,
      maxRecords: backlogRecords,
    })
    for (let at = 0; at < records.length; at += recordsAtOnce)
      await sink.records(records.slice(at, at + recordsAtOnce))
    const last = records.at(-1)
    if (isCut && last) {
      const untilMs = clock.now()
      await sink.skipped({ count: undefined, sinceMs: last.received_at, untilMs }, upTo)
    } else await stream.write(positionFrame(upTo))
  }

  sendBacklog().then(resolve, (error) => {
    reject(error)
    stream.destroy()
  })
  return () => {
    gone.abort()
    stopFollowing()
  }
}

function positionOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw new ApiError('bad_request', `after "${after}": it is no id of this stream`)
}
