import { parentPort, workerData } from 'node:worker_threads'
import { ApiError, type ErrorCode } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { type TaskName, tasks } from './tasks.ts'

/** The worker thread of parser.ts: runs one task at a time, and answers with its number. */
export interface Task {
  number: number
  name: TaskName
  body: Uint8Array
}

export type TaskAnswer = { number: number } & (
  | { result: unknown }
  | { refusal: { code: ErrorCode; message: string } }
  | { failure: string }
)

const limits: Limits = workerData // as parser.ts gives it

parentPort?.on('message', (task: Task) => parentPort?.postMessage(answerOf(task)))

function answerOf({ number, name, body }: Task): TaskAnswer {
  try {
    return { number, result: tasks[name](body, limits) }
  } catch (error) {
    if (!(error instanceof ApiError)) return { number, failure: describeError(error) }
    return { number, refusal: { code: error.code, message: error.message } }
  }
}
