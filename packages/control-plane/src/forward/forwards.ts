import type { ForwardStatus } from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { ForwardSettings } from '../config/forwards.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { readTenants } from '../rows/fleet/tenants.ts'
import {
  deleteForward,
  type ForwardKey,
  insertForward,
  readForwardProgress,
  updateForward,
} from '../rows/forwards.ts'
import type { Store } from '../store/db.ts'
import type { TelemetryStore } from '../telemetry/store.ts'
import { createChooseRecords } from './choose-records.ts'
import { statusOf } from './status.ts'
import { type ForwardStream, startForwardStream } from './stream.ts'
import { openTarget } from './target.ts'

export interface Forwards extends AsyncDisposable {
  /** Of each kind of records of each forward, in the order of the settings. */
  status(): ForwardStatus[]
}

export interface ForwardsOptions {
  forwards: readonly ForwardSettings[]
  store: Store
  telemetry: Pick<TelemetryStore, 'readAfter' | 'cursorNow' | 'onAppend'>
  fleet: Fleet
  clock: Clock
  log: Log
}

/** Passes telemetry on, each kind of records of each forward on its own. Throws for a tenant that there is not. */
export async function openForwards(options: ForwardsOptions): Promise<Forwards> {
  const { forwards, store, telemetry, fleet, clock, log } = options
  await using stack = new AsyncDisposableStack()
  await refuseUnknownTenants(forwards, store)
  await settlePositions(options)
  const saved = await readForwardProgress(store.reader)
  const nameOf = (nodeId: string): string | undefined => fleet.node(nodeId)?.hostname
  const streams: (readonly [ForwardSettings, ForwardStream])[] = []
  for (const forward of forwards)
    for (const records of forward.records) {
      const progress = saved.find(({ name, kind }) => name === forward.name && kind === records)
      if (!progress) throw new Error(`forward "${forward.name}" has no position`) // it was written above
      const stream = startForwardStream({
        records,
        progress,
        save: (next) => store.write((tx) => updateForward(tx, next)),
        telemetry,
        choose: createChooseRecords(forward, fleet),
        target: openTarget(forward, records, nameOf),
        clock,
        log,
      })
      streams.push([forward, stack.use(stream)])
    }
  return {
    status: () => streams.map(([forward, stream]) => statusOf(forward, stream, clock.now())),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

async function refuseUnknownTenants(
  forwards: readonly ForwardSettings[],
  { reader }: Store,
): Promise<void> {
  const names = new Set((await readTenants(reader)).map(({ name }) => name))
  for (const { name, tenant } of forwards)
    if (tenant !== undefined && !names.has(tenant))
      throw new Error(`start forward "${name}": there is no tenant "${tenant}"`)
}

/** A new forward begins with what comes from now on. Of one that is gone nothing is remembered. */
async function settlePositions({ forwards, store, telemetry }: ForwardsOptions): Promise<void> {
  const wanted = forwards.flatMap(({ name, records }) => records.map((kind) => ({ name, kind })))
  const known = await readForwardProgress(store.reader)
  const isIn = (keys: readonly ForwardKey[], { name, kind }: ForwardKey): boolean =>
    keys.some((key) => key.name === name && key.kind === kind)
  const gone = known.filter((key) => !isIn(wanted, key))
  const added = wanted.filter((key) => !isIn(known, key))
  if (gone.length + added.length === 0) return
  // Before the unit: none waits for telemetry.
  const positions: string[] = []
  for (const { kind } of added) positions.push(await telemetry.cursorNow(kind))
  await store.write(async (tx) => {
    for (const key of gone) await deleteForward(tx, key)
    for (const [index, key] of added.entries())
      await insertForward(tx, { ...key, position: positions[index] ?? '0' })
  })
}
