import type { Worker } from 'node:worker_threads'
import { ApiError, telemetryKinds } from '@plexd/protocol'
import { startThread, type ThreadCode } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { type ResultOf, type TaskName, tasks } from './tasks.ts'
import type { Task, TaskAnswer } from './worker.ts'

/** Parses bodies without blocking the event loop. */
export interface Parser extends AsyncDisposable {
  /** Rejects with an ApiError for an invalid body. The bytes may be transferred, and unusable afterwards. */
  parse<Name extends TaskName>(name: Name, body: Uint8Array): Promise<ResultOf<Name>>
}

/** Up to this size a body is parsed on the main thread: that takes a few milliseconds. Records take longer, because each is parsed separately. */
const smallBytes = 256 * 1024
const smallBatchBytes = 16 * 1024

interface Waiting {
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** The worker thread is started by the first large body. */
export function createParser(limits: Limits): Parser {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastNumber = 0

  function start(): Worker {
    const started = startThread(code, {
      workerData: limits,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    started.on('message', (answer: TaskAnswer) => settle(answer))
    // One failure must not disable it for others: the next large body starts a new thread.
    started.on('error', (error) => abandon(error))
    started.on('exit', () => abandon(new Error('the parser thread has ended')))
    started.unref()
    return started

    function abandon(cause: unknown): void {
      if (worker === started) worker = undefined
      for (const { reject } of waiting.values())
        reject(
          new ApiError('unavailable', 'the body cannot be read now', {
            cause,
            retryAfterSeconds: 1,
          }),
        )
      waiting.clear()
    }
  }

  function settle(answer: TaskAnswer): void {
    const task = waiting.get(answer.number)
    waiting.delete(answer.number)
    if ('result' in answer) task?.resolve(answer.result)
    else if ('refusal' in answer)
      task?.reject(new ApiError(answer.refusal.code, answer.refusal.message))
    else task?.reject(new Error(`parse a body: ${answer.failure}`))
  }

  return {
    async parse<Name extends TaskName>(name: Name, body: Uint8Array): Promise<ResultOf<Name>> {
      const isBatch = name in telemetryKinds
      if (body.length <= (isBatch ? smallBatchBytes : smallBytes))
        return tasks[name](body, limits) as ResultOf<Name> // the row of the name
      worker ??= start()
      const task: Task = { number: ++lastNumber, name, body }
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      waiting.set(task.number, { resolve, reject })
      worker.postMessage(task, transferable(body))
      return (await promise) as ResultOf<Name> // what the task of the name answers
    },
    async [Symbol.asyncDispose]() {
      await worker?.terminate()
    },
  }
}

/** Transferred rather than copied, if the buffer contains nothing else. */
function transferable({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}

const code: ThreadCode = {
  name: 'parser-worker',
  startedBy: import.meta.url,
  source: './worker.ts',
}
