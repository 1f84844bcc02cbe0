import type { Log } from '@plexd/runtime'
import { judgeFailure, type Verdict } from './verdict.ts'

/** What waits for the control plane, as the loop that sends it sees it. */
export interface Outgoing<Item> {
  /** For logs: what is sent. */
  name: string
  /** Before each round; a `fresh` one does not come after a failure, and may be held back here. */
  begin?(isFresh: boolean, signal: AbortSignal): Promise<void>
  /** The oldest items that are sent together; empty, or only of ids in `passed`, if the round is over. */
  next(passed: ReadonlySet<unknown>): readonly Item[] | Promise<readonly Item[]>
  /** The same each time that the item is read. */
  idOf(item: Item): unknown
  send(items: readonly Item[], signal: AbortSignal): Promise<unknown>
  /** Notes durably that the items have arrived, or never will. */
  remove(items: readonly Item[]): Promise<void> | void
  judge?(items: readonly Item[], error: unknown): Verdict
  /** In place of dropping items that were refused. */
  refuse?(items: readonly Item[], error: unknown): Promise<void>
  /** Called when items were refused and are dropped. */
  onRefused?(items: readonly Item[], error: unknown): void
}

/** Rounds, in each of which all that waits is sent, but for what failed since the last retry. */
export interface Rounds {
  /** Resolves to the failure because of which the rest has to wait, if any. */
  run(signal: AbortSignal): Promise<Failure | undefined>
  /** Whether any failed that did not hold up the others. */
  hasPassed(): boolean
  retryAll(): void
  /** Whether anything got through since the last call. */
  takeHasSent(): boolean
  /** How many items were dropped since the start. */
  refused(): number
}

/** A failed request. */
export interface Failure {
  error: unknown
  /** Whether any other would fail too. */
  isOfAll: boolean
}

export function createRounds<Item>(
  outgoing: Outgoing<Item>,
  { log, describe }: { log: Log; describe(error: unknown): string },
): Rounds {
  const { name, judge = (items, error) => judgeFailure(items.length, error) } = outgoing
  /** Those that failed, until the next retry. */
  const passed = new Set<unknown>()
  let hasSent = false
  let refused = 0

  async function run(signal: AbortSignal): Promise<Failure | undefined> {
    let last: Failure | undefined
    for (;;) {
      const items = await nextItems(signal)
      if ('error' in items) return items
      signal.throwIfAborted()
      if (items.length === 0) return last
      const failure = await deliver(items, signal)
      if (failure?.isOfAll) return failure
      last = failure ?? last
    }
  }

  async function nextItems(signal: AbortSignal): Promise<readonly Item[] | Failure> {
    try {
      const items = await outgoing.next(passed)
      return items.filter((item) => !passed.has(outgoing.idOf(item)))
    } catch (error) {
      signal.throwIfAborted()
      log.error('what waits for the control plane cannot be read', { what: name, error })
      return { error, isOfAll: true }
    }
  }

  async function deliver(
    items: readonly Item[],
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    try {
      await outgoing.send(items, signal)
    } catch (error) {
      signal.throwIfAborted()
      return handle(items, error, signal)
    }
    hasSent = true
    return remove(items)
  }

  async function handle(
    items: readonly Item[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const verdict = judge(items, error)
    if (verdict === 'halve') {
      const half = Math.ceil(items.length / 2)
      const first = await deliver(items.slice(0, half), signal)
      return first?.isOfAll ? first : ((await deliver(items.slice(half), signal)) ?? first)
    }
    if (verdict === 'refuse') return refuse(items, error)
    log.warn('delivery failed, will retry', { what: name, error: describe(error) })
    if (verdict === 'pass') pass(items)
    return { error, isOfAll: verdict === 'stop' }
  }

  async function refuse(items: readonly Item[], error: unknown): Promise<Failure | undefined> {
    if (outgoing.refuse) {
      await outgoing.refuse(items, error)
      return undefined
    }
    log.warn('delivery refused, dropping it', { what: name, error: describe(error) })
    refused += items.length
    outgoing.onRefused?.(items, error)
    return remove(items)
  }

  async function remove(items: readonly Item[]): Promise<Failure | undefined> {
    try {
      await outgoing.remove(items)
      return undefined
    } catch (error) {
      // It will be sent again, which is safe.
      log.error('delivery cannot be noted on the disk', { what: name, error })
      pass(items)
      return { error, isOfAll: false }
    }
  }

  function pass(items: readonly Item[]): void {
    for (const item of items) passed.add(outgoing.idOf(item))
  }

  return {
    run,
    hasPassed: () => passed.size > 0,
    retryAll: () => passed.clear(),
    takeHasSent() {
      const had = hasSent
      hasSent = false
      return had
    },
    refused: () => refused,
  }
}
