/** The thread beside the tests of a process: kills the process when its event loop stands still, and says where it does. */
import { writeSync } from 'node:fs'
import { type Debugger, Session } from 'node:inspector'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { workerData } from 'node:worker_threads'

export interface WatchOrder {
  /** One more for each second in which the event loop of the tests goes round. */
  beats: Int32Array
  stuckMs: number
  /** Longest life of the process. */
  processMs: number
  /** What it runs. */
  name: string
}

const { beats, stuckMs, processMs, name } = workerData as WatchOrder // as watchdog.ts sends it
/** Checks are counted, not time: a machine that was suspended has had none. */
const checkMs = Math.min(1_000, stuckMs / 4)
let seen = 0
let checks = 0
let checkOfBeat = 0

const checking = setInterval(() => {
  checks++
  const beat = Atomics.load(beats, 0)
  if (beat !== seen) checkOfBeat = checks
  seen = beat
  if (checks * checkMs >= processMs) end(`did not end within ${processMs / 1_000} s`)
  if ((checks - checkOfBeat) * checkMs < stuckMs) return
  clearInterval(checking)
  void endStuck()
}, checkMs)

async function endStuck(): Promise<void> {
  // A call into the kernel cannot be paused.
  const places = await Promise.race([
    placesOfPause(),
    delay(2_000, ['a call of the system that does not return']),
  ])
  const lines = [`is stuck: no turn of the event loop in ${stuckMs / 1_000} s`, ...places]
  end(lines.join('\n    at '))
}

/** Where the main thread is at this moment, innermost first. */
function placesOfPause(): Promise<string[]> {
  const session = new Session()
  session.connectToMainThread()
  const files = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url))
  return new Promise((resolve) => {
    session.on('Debugger.paused', ({ params }) =>
      resolve(params.callFrames.map((frame) => describeFrame(frame, files))),
    )
    session.post('Debugger.enable')
    session.post('Debugger.pause')
  })
}

function describeFrame(
  { functionName, location }: Debugger.CallFrame,
  files: ReadonlyMap<string, string>,
): string {
  const url = files.get(location.scriptId) ?? ''
  const file = url.startsWith('file:') ? fileURLToPath(url) : url
  return `${functionName || '<anonymous>'} (${file}:${location.lineNumber + 1})`
}

/** Its programs go with it: see mark.ts. Written at once: the main thread passes nothing on any more. */
function end(why: string): void {
  writeSync(2, `error: ${name} ${why}\n`)
  process.kill(process.pid, 'SIGKILL')
}
