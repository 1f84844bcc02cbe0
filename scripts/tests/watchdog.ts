/**
 * Loaded into every process with tests (`node --import`), because the runner's own time limit is a timer: while a test is in a
 * loop that never awaits, no timer fires, and the run would hang without a word.
 */
import { isMainThread, Worker } from 'node:worker_threads'
import type { WatchOrder } from './watchdog-thread.ts'

/** No test of ours blocks the event loop this long, even on a busy machine. */
const stuckMs = Number(process.env.TEST_STUCK_MS ?? 120_000)
const processMs = Number(process.env.TEST_PROCESS_MS ?? 3_600_000)

// Started by the runner for one file, or itself the runner of many; the runner that only starts others just waits.
const hasTests =
  process.env.NODE_TEST_CONTEXT !== undefined || process.execArgv.includes('--test-isolation=none')

if (isMainThread && hasTests) {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const order: WatchOrder = { beats, stuckMs, processMs, name: process.argv.slice(1).join(' ') }
  const file = new URL('watchdog-thread.ts', import.meta.url)
  // Without our own flags: it would load this file again.
  new Worker(file, { workerData: order, execArgv: [] }).unref()
  setInterval(() => Atomics.add(beats, 0, 1), 1_000).unref()
}
