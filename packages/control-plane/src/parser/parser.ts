import { Worker } from 'node:worker_threads'
import { ApiError, telemetryKinds } from '@plexd/protocol'
import type { Limits } from '../limits.ts'
import { type ResultOf, type TaskName, tasks } from './tasks.ts'
import type { Task, TaskAnswer } from './worker.ts'

/** Reads bodies without keeping the event loop from others. */
export interface Parser extends AsyncDisposable {
  /** Rejects with an ApiError for a body that does not fit. The bytes may be gone afterwards. */
  parse<Name extends TaskName>(name: Name, body: Uint8Array): Promise<ResultOf<Name>>
}

/** Up to here a body is read where it is: that takes a few milliseconds. Records take longer, as each is read by itself. */
const smallBytes = 256 * 1024
const smallBatchBytes = 16 * 1024

interface Waiting {
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** The thread is started by the first large body. */
export function createParser(limits: Limits): Parser {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastNumber = 0

  function start(): Worker {
    const started = new Worker(new URL(workerFile, import.meta.url), {
      workerData: limits,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    started.on('message', (answer: TaskAnswer) => settle(answer))
    // What makes it fail once is not to stop it for others: the next large body starts another.
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

/** Handed over rather than copied, when nothing else lies in the same memory. */
function transferable({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}

/** Beside this file; scripts/programs/build.ts puts it there for the bundle too. */
const workerFile = import.meta.url.endsWith('.ts') ? './worker.ts' : './parser-worker.mjs'
