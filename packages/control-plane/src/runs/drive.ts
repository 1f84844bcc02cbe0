import { type Clock, describeError, type Log } from '@plexd/runtime'
import { readNodeIdsIn } from '../rows/executions/run-nodes.ts'
import {
  deleteEndedRuns,
  deleteHalfWritten,
  readOpenRuns,
  type StoredRun,
} from '../rows/executions/runs.ts'
import type { Store } from '../store/db.ts'
import { advanceRun } from './advance.ts'
import type { RunPlace } from './create-run.ts'
import { decide } from './decide.ts'
import { type VerifyPlace, verifyNodes } from './verify.ts'

/** Lets a run go on, a few nodes in a unit, until there is nothing more to do at once. */
export async function driveRun(place: RunPlace, id: string): Promise<void> {
  for (;;) {
    const advanced = await place.change((unit) => advanceRun(unit, id, place))
    for (const ended of advanced?.cancelled ?? []) place.executions.changed(ended)
    if (!advanced?.more) return
  }
}

/**
 * Looks at all runs that have not ended, and lets those go on that have something to do: after a start, at their expiry, and
 * for what was left for another unit. One that cannot keeps no other waiting, and is tried again the next time.
 */
export async function driveRuns(place: VerifyPlace & { readonly log: Log }): Promise<void> {
  for (const run of await readOpenRuns(place.store.reader)) {
    try {
      await verifyNodes(place, run)
      if (await hasMore(place, run)) await driveRun(place, run.id)
    } catch (error) {
      place.log.error('run cannot go on', { run_id: run.id, error: describeError(error) })
    }
  }
}

async function hasMore(
  { store, clock }: { store: Store; clock: Clock },
  run: StoredRun,
): Promise<boolean> {
  const { state } = run
  if (state === 'preparing') return false
  const decision = decide({ ...run, state }, clock.now())
  if (decision.starts > 0 || decision.state !== state || decision.stop !== run.stop) return true
  // An operator's wish is written in one unit and followed in others: a crash may have come between.
  return run.stop === 'cancelled' && (await isUntold(store, run))
}

/** Whether a cancelled run has nodes that were not told yet. */
async function isUntold({ reader }: Store, { id }: StoredRun): Promise<boolean> {
  return (await readNodeIdsIn(reader, id, ['running', 'verifying'])).length > 0
}

/** Deletes what a crash has left of runs that were never answered. Before anything is served. */
export async function forgetHalfWritten({ store }: { store: Store }): Promise<void> {
  await store.write((tx) => deleteHalfWritten(tx))
}

/** Far longer than 10,000 nodes take to be written. A run that is written all the same fails when it is gone. */
const writtenWithinMs = 5 * 60_000

/** Deletes what is left of runs whose writing failed, on a full disk their deletion too: they would count as open. */
export async function forgetAbandoned({ store, clock }: Pick<VerifyPlace, 'store' | 'clock'>) {
  const createdBefore = clock.now() - writtenWithinMs
  await store.write((tx) => deleteHalfWritten(tx, { createdBefore }))
}

const keepMs = 30 * 24 * 3_600_000
/** A run has up to 10,000 nodes, and these go with it. */
const runsPerUnit = 1

/** Deletes runs that ended more than 30 days ago, as executions are. */
export async function forgetRuns({ store, clock }: { store: Store; clock: Clock }): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count = runsPerUnit
  while (count === runsPerUnit)
    count = await store.write((tx) => deleteEndedRuns(tx, beforeMs, runsPerUnit))
}
