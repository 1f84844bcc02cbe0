import { describeError, type Log } from '@plexd/runtime'
import type { Queue, QueuedItem } from '../queue/queue.ts'
import type { ExecutionLedger, ExecutionNews } from './execution-ledger.ts'

/** What is known of executions, on its way from the ledger through the queue; each part is sent alone. */
export interface ExecutionQueue {
  /** Before each round of sending. */
  begin(): Promise<void>
  /** None after one of the same execution that failed, which is in `passed`. */
  next(passed: ReadonlySet<unknown>): Promise<QueuedItem<ExecutionNews>[]>
  /** They have arrived, or never will. */
  remove(items: readonly QueuedItem<ExecutionNews>[]): Promise<void>
}

const oneItem = { items: 1, bytes: Number.POSITIVE_INFINITY }

export function createExecutionQueue(
  queue: Queue<ExecutionNews>,
  ledger: Pick<ExecutionLedger, 'unsent' | 'setSent'>,
  log: Log,
): ExecutionQueue {
  /** What is in the queue, by `nameOf`. */
  const queued = new Set<string>()
  let isRead = false
  /** Items that come after one of the same execution that failed. */
  const skipped = new Set<number>()

  async function next(passed: ReadonlySet<unknown>): Promise<QueuedItem<ExecutionNews>[]> {
    for (;;) {
      const [item] = await queue.read(oneItem, skipped)
      if (item && !passed.has(item.value.body.execution_id)) return [item]
      if (item) skipped.add(item.number)
      else if (!(await handOver())) return []
    }
  }

  /**
   * Puts into the queue what is in the ledger alone: of an earlier plexd, after a crash in between, or because the queue was full.
   * Resolves to whether there was anything.
   */
  async function handOver(): Promise<boolean> {
    const before = queued.size
    try {
      for (const news of ledger.unsent()) await put(news)
    } catch (error) {
      log.warn('what is known of executions waits for room', { error: describeError(error) })
    }
    return queued.size > before
  }

  async function put(news: ExecutionNews): Promise<void> {
    const name = nameOf(news)
    if (queued.has(name)) return
    await queue.append([news])
    queued.add(name)
  }

  async function readQueued(): Promise<void> {
    const seen = new Set<number>()
    for (;;) {
      const items = await queue.read({ items: 100, bytes: 1024 * 1024 }, seen)
      if (items.length === 0) return
      for (const { number, value } of items) {
        seen.add(number)
        queued.add(nameOf(value))
      }
    }
  }

  return {
    async begin() {
      skipped.clear()
      if (!isRead) await readQueued()
      isRead = true
      await handOver()
    },
    next,
    async remove(items) {
      for (const { number, value } of items) {
        ledger.setSent(value)
        await queue.remove([number])
        queued.delete(nameOf(value))
      }
    },
  }
}

/** The same for the same news; a later decision on an execution is other news. */
function nameOf({ kind, body }: ExecutionNews): string {
  return kind === 'ack' ? `ack ${JSON.stringify(body)}` : `result ${body.execution_id}`
}
