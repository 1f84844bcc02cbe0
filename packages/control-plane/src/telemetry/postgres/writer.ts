import { setImmediate as turn } from 'node:timers/promises'
import { ApiError } from '@plexd/protocol'
import { createGroupQueue, systemClock, takeGroup } from '@plexd/runtime'
import { sql } from 'kysely'
import { NothingChanged } from '../../store/nothing-changed.ts'
import { saysNotCommitted } from '../../store/postgres/errors.ts'
import type { Arrival, Written } from '../pack-writer.ts'
import type { RecordKind } from '../packs/kinds.ts'
import { beginPartition, type Connection, isOfNow, lockHead } from './head.ts'
import { insertPlacement, readMarks } from './insert.ts'
import { type Placement, placeArrivals } from './placement.ts'

/** Appends packs of one kind. */
export interface KindWriter {
  write(arrival: Arrival): Promise<Written>
  drain(): Promise<void>
}

export interface WriterOptions {
  db: Connection
  now(): number
  partitionMs: number
  isNode(id: string): boolean
  /** Called after the commit for each that is new, in the order of ids. */
  tell(kind: RecordKind, arrival: Arrival, written: Written): void
}

/** Bytes of one transaction, for which others of the kind wait. */
const maxGroupBytes = 4 * 1024 * 1024
/** Of a pack beside its body: one more statement for each does not come for nothing. */
const packBytes = 1_024
/** How long the outcome of a commit is looked for; its callers wait meanwhile. */
const findOutMs = 5_000
const pauseMs = 250

interface Waiting {
  arrival: Arrival
  resolve(written: Written): void
  reject(reason: unknown): void
}

interface Group {
  arrivals: readonly Arrival[]
  placement: Placement
}

/**
 * Packs that arrive together share a transaction and its wait for the disk, and all fail if one does. Where the connection is lost during the commit, the next
 * transaction looks whether the packs are there: if so, whoever follows is told of them before of anything later.
 */
export function createKindWriter(
  kind: RecordKind,
  { tell, ...options }: WriterOptions,
): KindWriter {
  const { db } = options
  /** Of which nobody knows whether it was committed. */
  let uncertain: Group | undefined

  const queue = createGroupQueue<Waiting>(async (waiting) => {
    // So that requests of the same turn share the transaction.
    await turn()
    const group = takeGroup(waiting, maxGroupBytes, ({ arrival }) => sizeOf(arrival))
    try {
      const written = await writeGroup(group.map(({ arrival }) => arrival))
      for (const [index, one] of written.entries()) group[index]?.resolve(one)
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  })

  async function writeGroup(arrivals: readonly Arrival[]): Promise<readonly Written[]> {
    if (uncertain) await findOut(uncertain)
    let group: Group | undefined
    try {
      await db.transaction().execute(async (tx) => {
        group = { arrivals, placement: await place(tx, kind, arrivals, options) }
      })
    } catch (error) {
      if (!group || saysNotCommitted(error instanceof NothingChanged ? error.cause : error))
        throw error
      uncertain = group
      if (!(await findOutLater(group, error))) throw lostBefore(error)
      return group.placement.written
    }
    if (!group) throw new Error('a transaction was committed that did nothing') // it would have thrown
    return tellOf(group)
  }

  function tellOf({ arrivals, placement }: Group): readonly Written[] {
    for (const [index, arrival] of arrivals.entries()) {
      const written = placement.written[index]
      if (written?.pack) tell(kind, arrival, written)
    }
    return placement.written
  }

  /** The same until it is known; rejects if it is not for too long. */
  async function findOutLater(group: Group, cause: unknown): Promise<boolean> {
    for (const endMs = systemClock.monotonic() + findOutMs; ; ) {
      try {
        return await findOut(group)
      } catch (error) {
        if (systemClock.monotonic() > endMs) throw unknown(cause)
        if (!(error instanceof NothingChanged)) throw error
      }
      await systemClock.sleep(pauseMs)
    }
  }

  /** Whether it was committed: the lock of the head waits for the lost transaction to end. */
  async function findOut(group: Group): Promise<boolean> {
    const isThere = await db.transaction().execute(async (tx) => {
      await lockHead(tx, kind)
      // Written and not only read: that waits for a standby that has to have it, as the lost commit did.
      await sql`update telemetry_heads set last_id = last_id where kind = ${kind}`.execute(tx)
      return isStored(tx, kind, group.placement)
    })
    uncertain = undefined
    if (isThere) tellOf(group)
    return isThere
  }

  return {
    write: (arrival) => new Promise((resolve, reject) => queue.add({ arrival, resolve, reject })),
    drain: queue.drain,
  }
}

/** In a transaction: what is new of the packs, and the marks behind them. */
async function place(
  tx: Connection,
  kind: RecordKind,
  arrivals: readonly Arrival[],
  { now, partitionMs, isNode }: Omit<WriterOptions, 'tell'>,
): Promise<Placement> {
  const head = await lockHead(tx, kind)
  const ids = new Set(arrivals.flatMap(({ position }) => position?.of ?? []))
  // Only now: a statement sees what was committed before it began, also what the lock has waited for.
  const marks = await readMarks(tx, kind, [...ids])
  const placement = placeArrivals(kind, arrivals, { lastId: head.last_id, marks })
  const nowMs = now()
  const { number } = isOfNow(head, nowMs, partitionMs)
    ? head
    : await beginPartition(tx, kind, { head, nowMs, isNode })
  await insertPlacement(tx, kind, number, placement)
  return placement
}

/** Another control plane may have given the same ids to others, if these were not committed. */
async function isStored(tx: Connection, kind: RecordKind, { placed }: Placement): Promise<boolean> {
  const last = placed.at(-1)
  if (!last) return false // only marks, which the next batch sets again
  const { lastId, source, receivedAtMs, pack } = last
  const { rows } = await sql`
    select 1 from telemetry_packs where kind = ${kind} and last_id = ${lastId} and node_id = ${source.node_id}
    and received_at = ${receivedAtMs} and body = ${pack.body}`.execute(tx)
  return rows.length > 0
}

function sizeOf({ pack }: Arrival): number {
  return pack.body.length + pack.words.length + packBytes
}

function lostBefore(cause: unknown): NothingChanged {
  return new NothingChanged('the connection to the database was lost before the commit', {
    cause,
    retryAfterSeconds: 5,
  })
}

function unknown(cause: unknown): ApiError {
  return new ApiError(
    'unavailable',
    `it is not known whether this was stored: the database did not answer for ${findOutMs / 1_000} s`,
    { cause, retryAfterSeconds: 5 },
  )
}
