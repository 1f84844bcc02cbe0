import type { Worker } from 'node:worker_threads'
import { ApiError } from '@plexd/protocol'
import { startThread, type ThreadCode } from '@plexd/runtime'
import type { SearchAnswer, SearchTask, SearchWork } from './search-worker.ts'
import type { FoundRecord } from './store.ts'

/** Searches on a thread of its own, because one may read gigabytes. */
export interface Searcher extends AsyncDisposable {
  /** Rejects with the reason of the signal when that ends it. */
  search(work: SearchWork, signal: AbortSignal | undefined): Promise<FoundRecord[]>
}

interface Waiting {
  resolve(records: FoundRecord[]): void
  reject(error: unknown): void
}

/** The thread is started by the first search. `noteDamage` is told of what cannot be right, and in which file it is, if it was in one. */
export function createSearcher(
  noteDamage: (reason: string, path: string | undefined) => void,
): Searcher {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastNumber = 0

  function start(): Worker {
    const started = startThread(code, {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    started.on('message', (answer: SearchAnswer) => settle(answer))
    started.on('error', (error) => abandon(error))
    started.on('exit', () => abandon(new Error('the search thread has ended')))
    return started

    // One failure must not disable it for others: the next search starts a new thread.
    function abandon(cause: unknown): void {
      if (worker === started) worker = undefined
      const error = new ApiError('unavailable', 'telemetry cannot be searched now', {
        cause,
        retryAfterSeconds: 1,
      })
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
  }

  function settle(answer: SearchAnswer): void {
    if ('damaged' in answer) {
      noteDamage(answer.reason, answer.damaged)
      return
    }
    const one = waiting.get(answer.number)
    forget(answer.number)
    if ('records' in answer) one?.resolve(answer.records)
    else one?.reject(new Error(`search telemetry: ${answer.failure}`))
  }

  /** The process may end when nobody waits. */
  function forget(number: number): void {
    waiting.delete(number)
    if (waiting.size === 0) worker?.unref()
  }

  return {
    async search(work, signal) {
      signal?.throwIfAborted()
      worker ??= start()
      const number = ++lastNumber
      const { promise, resolve, reject } = Promise.withResolvers<FoundRecord[]>()
      waiting.set(number, { resolve, reject })
      worker.ref()
      post(worker, { number, ...work })
      const end = (): void => {
        forget(number)
        if (worker) post(worker, { number, end: true })
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', end)
      return promise.finally(() => signal?.removeEventListener('abort', end))
    },
    async [Symbol.asyncDispose]() {
      await worker?.terminate()
    },
  }
}

function post(worker: Worker, task: SearchTask): void {
  worker.postMessage(task)
}

const code: ThreadCode = {
  name: 'search-worker',
  startedBy: import.meta.url,
  source: './search-worker.ts',
}
