import { randomBytes } from 'node:crypto'
import type { Peer } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { Backend } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import { isWaiting, pauseAt } from './handover.ts'
import { type HeldPsks, waitingPsks } from './held-psks.ts'
import { nextStage, recordAfterStage } from './stages.ts'

/** Advances handovers as soon as their peers use the new key; the record stores the stage of each. */
export interface HandoverLoop extends AsyncDisposable {
  /** Call this when these peers are being written, with the next record and the PSKs held for our next key. */
  expect(wanted: readonly Peer[], record: DeviceRecord, held: HeldPsks | undefined): void
  /** Waiting new key -> its PSK. In memory only: after a restart they are supplied again. */
  psks(): HeldPsks
  /** A handover was added. */
  wake(): void
}

const idleMs = 24 * 3_600_000
/** Removing an old key is not urgent. */
const endingMs = 100

export function startHandoverLoop(deps: {
  backend(): Backend | undefined
  keepaliveSeconds(): number
  record(): DeviceRecord
  remember(record: DeviceRecord): Promise<void>
  /** Called before the interface changes. */
  onWrite(): void
  /** Runs the task while nobody else reads or writes the interface. */
  exclusive(task: () => Promise<void>): Promise<void>
  clock: Clock
  log: Log
}): HandoverLoop {
  const { record, exclusive, clock, log } = deps
  const trigger = createTrigger(clock)
  let psks: HeldPsks = new Map()

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = clock.monotonic()
      const failed = await exclusive(advance).then(
        () => false,
        (error: unknown) => {
          log.warn('handover to a new key waits', { error: describeError(error) })
          return true
        },
      )
      await trigger.wait(failed ? 5_000 : pauseMs(clock.monotonic() - startedMs), signal)
    }
  }

  async function advance(): Promise<void> {
    const backend = deps.backend()
    if (!backend || record().handovers.length === 0) return
    const { peers } = await backend.read()
    const stage = nextStage({
      record: record(),
      peers,
      psks,
      keepaliveSeconds: deps.keepaliveSeconds(),
      bootMs: clock.boot(),
      seconds: clock.now() / 1_000,
      randomPsk: () => randomBytes(32).toString('base64'),
    })
    if (!stage) return
    deps.onWrite()
    const { type, handovers } = stage
    await backend.write({ peers: handovers.flatMap(stage.writesFor) })
    await deps.remember(recordAfterStage(record(), stage, clock.boot()))
    for (const { to, peer_id } of handovers) {
      if (type === 'ended') psks.delete(to)
      if (type === 'moved') log.info('peer uses its new key', { peer_id })
    }
  }

  /** At most half of the time is spent checking, however long a check takes. */
  function pauseMs(lookMs: number): number {
    const { handovers } = record()
    if (handovers.length === 0) return idleMs
    const waiting = handovers.filter(isWaiting)
    if (waiting.length === 0) return endingMs
    const bootMs = clock.boot()
    return Math.max(lookMs, Math.min(...waiting.map((one) => pauseAt(bootMs - one.started_ms))))
  }

  const task = startTask(run)
  return {
    expect(wanted, { handovers }, held) {
      const pskOf = new Map(wanted.map(({ public_key, psk }) => [public_key, psk]))
      psks = waitingPsks(psks, handovers, pskOf, held)
    },
    psks: () => psks,
    wake: trigger.fire,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}
