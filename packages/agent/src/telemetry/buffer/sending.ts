import {
  ApiError,
  type BatchPosition,
  type BatchResponse,
  formatBatchPosition,
  type Gap,
  type TelemetryKind,
} from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { type Delivery, type DeliveryDeps, startDelivery } from '../../control/delivery.ts'
import { isTooMuch, type Verdict } from '../../control/verdict.ts'
import type { TakenBlock } from './block-item.ts'
import type { BlockStore } from './block-store.ts'
import type { BatchLimit } from './plan.ts'
import { packLines, unpackLines } from './stored-item.ts'

export interface SendingDeps extends DeliveryDeps {
  kind: TelemetryKind
  batch: BatchLimit
  /** Posts a packed body. Rejects as the client does. */
  post(request: TelemetryRequest, signal: AbortSignal): Promise<BatchResponse>
  lineOfGap(gap: Gap, atMs: number): string
  /** How long records are gathered. */
  intervalMs: number
}

export interface TelemetryRequest {
  /** Packed by gzip: an array of JSON for metrics, otherwise NDJSON. */
  body: Uint8Array
  /** The value of the header. */
  position: string
}

export interface Sending extends Delivery {
  counts(): SentCounts
}

export interface SentCounts {
  sent: number
  /** By the control plane, for good. */
  refused: number
  lastRefusal: string
  lastSentMs: number | undefined
  /** Of the last attempt; empty if it succeeded. */
  lastError: string
}

/** Sends blocks in the order of their positions, one request at a time: what comes later would have the earlier taken for sent. */
export function startSending(store: BlockStore, deps: SendingDeps): Sending {
  const { kind, batch, post, lineOfGap, intervalMs, clock, log, describe } = deps
  const counts: SentCounts = {
    sent: 0,
    refused: 0,
    lastRefusal: '',
    lastSentMs: undefined,
    lastError: '',
  }
  let nextMs = 0
  /** Of the limit, after requests that were too large. */
  let share = 1

  async function send(blocks: readonly TakenBlock[], signal: AbortSignal): Promise<void> {
    try {
      const answer = await post(await requestOf(blocks), signal)
      if (answer.duplicates && !blocks.some(({ wasTried }) => wasTried)) await countAnew()
      note(answer)
    } catch (error) {
      counts.lastError = describe(error)
      throw error
    }
  }

  /** What was never sent has arrived already: the data dir is a copy of an earlier one. Throws, so that it is sent again. */
  async function countAnew(): Promise<never> {
    await store.renew()
    throw new Error('the control plane has other records under these positions')
  }

  async function requestOf(blocks: readonly TakenBlock[]): Promise<TelemetryRequest> {
    const [{ first, count, atMs, gapReason }] = blocks as readonly [TakenBlock] // none is never sent
    const epoch = store.epoch()
    if (gapReason !== undefined) {
      const line = lineOfGap({ first, count, reason: gapReason }, atMs)
      return packed([line], { epoch, first: first + count - 1, count: 1 })
    }
    const members = Buffer.concat(blocks.flatMap((block) => block.packed ?? []))
    const all = blocks.reduce((sum, block) => sum + block.count, 0)
    const position = { epoch, first, count: all }
    if (kind === 'metrics') return packed(await unpackLines(members), position)
    return { body: members, position: formatBatchPosition(position) }
  }

  async function packed(
    lines: readonly string[],
    position: BatchPosition,
  ): Promise<TelemetryRequest> {
    const body = await packLines(kind === 'metrics' ? [`[${lines.join(',')}]`] : lines)
    return { body, position: formatBatchPosition(position) }
  }

  function note({ accepted, dropped, refusals = [] }: BatchResponse): void {
    counts.lastError = ''
    counts.lastSentMs = clock.now()
    counts.sent += accepted
    share = Math.min(1, share * 2)
    if (dropped === 0) return
    counts.refused += dropped
    counts.lastRefusal = refusals[0]?.reason ?? 'the control plane gave no reason'
    log.warn('records refused', { kind, count: dropped, reason: counts.lastRefusal })
  }

  function limitNow(): BatchLimit {
    return { records: batch.records * share, rawBytes: batch.rawBytes * share }
  }

  /** Returns the reason. */
  function refuse(count: number, error: unknown): string {
    counts.refused += count
    counts.lastRefusal = `the control plane refuses them: ${describeError(error)}`.slice(0, 256)
    log.warn('records refused', { kind, count, reason: counts.lastRefusal })
    return counts.lastRefusal
  }

  const delivery = startDelivery<TakenBlock>(
    {
      name: kind,
      async begin(isFresh, signal) {
        if (isFresh) await clock.sleep(Math.max(0, nextMs - clock.monotonic()), signal)
        nextMs = clock.monotonic() + intervalMs
      },
      next: () => store.take(limitNow()),
      idOf: ({ number }) => number,
      send,
      remove: (blocks) => store.remove(blocks.map(({ number }) => number)),
      judge(blocks, error) {
        if (isTooLarge(error)) share = Math.max(share / 2, minShare)
        return judge(blocks, error)
      },
      async refuse([block], error) {
        if (!block) return
        const { number, count, gapReason } = block
        // A gap that is refused is one too many.
        if (gapReason !== undefined) await store.remove([number])
        else if (isTooLarge(error) && count > 1) await store.split(number)
        else await store.drop(number, refuse(count, error))
      },
    },
    deps,
  )
  return { ...delivery, counts: () => counts }
}

/** So that it is soon all again. */
const minShare = 1 / 1_024
/** No server takes less: what says so of a smaller body does not mean its size. */
const anyoneTakesBytes = 4 * 1024

/** In order or not at all: nothing is passed by. Pure. */
function judge(blocks: readonly Pick<TakenBlock, 'packed'>[], error: unknown): Verdict {
  if (!isTooLarge(error) && !isBad(error)) return 'stop'
  if (blocks.length > 1) return 'halve'
  const bytes = blocks[0]?.packed?.length ?? 0
  return isTooMuch(error) && bytes < anyoneTakesBytes ? 'stop' : 'refuse'
}

function isTooLarge(error: unknown): boolean {
  return isTooMuch(error) || (error instanceof ApiError && error.status === 413)
}

/** What was sent is no batch, whenever it is sent. */
function isBad(error: unknown): boolean {
  return error instanceof ApiError && [400, 415, 422].includes(error.status)
}
