import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gunzipSync } from 'node:zlib'
import { openTelemetryBuffer, type TelemetryRequest } from '@plexd/agent'
import { type BatchResponse, type Gap, type LogRecord, parseBatchPosition } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Bench } from '../bench.ts'

const linesPerSecond = 1_000
const daySeconds = 86_400
/** The default, for a day. */
const dayBytes = 256 * 1024 ** 2

/** A13: a day without the control plane at 1,000 lines a second, on a simulated clock; then it is back. */
export const telemetryAway: Bench = {
  name: 'telemetry-away',
  targets: ['A13'],
  summary: 'what the agent keeps, counts and takes while the control plane is away for a day',
  async run(context) {
    const seconds = context.seconds ?? (context.quick ? 10 : daySeconds)
    // In proportion, so that as large a part has to give way.
    const maxBytes = Math.ceil((dayBytes * seconds) / daySeconds)
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const clock = createFakeClock()
    const plane = createCountingPlane()
    const buffer = stack.use(
      await openTelemetryBuffer({
        kind: 'logs',
        folder,
        maxBytes,
        intervalMs: 1_000,
        hostname: 'web-01',
        post: (request) => plane.post(request),
        describe: String,
        onFailure(error) {
          throw error
        },
        onDamage() {
          throw new Error('damaged')
        },
        clock,
        log: silentLog,
      }),
    )
    const collect = garbageCollector()
    const start = { memoryBytes: 0, cpuMs: 0 }
    let [mostMemory, mostWaiting] = [0, 0]
    for (let second = 0; second < seconds; second++) {
      await buffer.append(aSecond(second, clock.now()), { source: 'file', value: String(second) })
      await clock.advance(1_000)
      if (second === Math.min(60, seconds - 1)) {
        start.memoryBytes = await inUse(collect)
        start.cpuMs = cpuMs()
      }
      if (second % 60 === 0) mostWaiting = Math.max(mostWaiting, buffer.status([]).bytes)
      if (second % 600 === 599) mostMemory = Math.max(mostMemory, await inUse(collect))
    }
    const measured = Math.max(1, seconds - 61)
    context.add({
      id: 'A13',
      what: `memory in use over ${seconds} s of ${linesPerSecond} lines a second, above that after a minute`,
      unit: 'MB',
      value: Math.max(0, Math.max(mostMemory, await inUse(collect)) - start.memoryBytes) / 1e6,
      target: { atMost: 10 },
    })
    context.add({
      id: 'A13',
      what: 'kept at most',
      unit: 'MiB',
      value: mostWaiting / 1024 ** 2,
      target: { atMost: maxBytes / 1024 ** 2 },
    })
    context.add({
      what: `CPU of keeping ${linesPerSecond} lines a second`,
      unit: '% of a core',
      value: ((cpuMs() - start.cpuMs) / measured / 1_000) * 100,
    })
    plane.isBack = true
    buffer.wake()
    while (buffer.status([]).bytes > 0) await clock.advance(1_000)
    context.add({
      id: 'A13',
      what: 'records that were neither stored nor counted, or twice',
      unit: 'records',
      value: plane.faults(seconds * linesPerSecond),
      target: { atMost: 0 },
    })
  },
}

/** Heap and buffers without garbage: time passes far too fast here for the resident set to be that of a day. */
async function inUse(collect: () => void): Promise<number> {
  collect()
  // Buffers are let go of a turn after those who had them.
  await delay(20)
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** As a web server logs: about 200 bytes each as JSON. */
function aSecond(second: number, nowMs: number): LogRecord[] {
  const timestamp = new Date(nowMs).toISOString()
  return Array.from({ length: linesPerSecond }, (_, index) => {
    const number = second * linesPerSecond + index
    const address = `10.${number % 256}.${(number >> 8) % 256}.${(number * 7) % 256}`
    const message = `${address} GET /api/v1/items/${(number * 7919) % 100_003} 200 ${(number * 31) % 9_973} ${(number % 997) / 1_000}`
    return {
      timestamp,
      source: 'journald',
      unit: 'nginx',
      severity: 'info',
      hostname: 'web-01',
      message,
    }
  })
}

/** Knows of what arrives only which positions it stands for. */
function createCountingPlane() {
  let next = 0
  let faults = 0
  return {
    isBack: false,
    async post({ body, position }: TelemetryRequest): Promise<BatchResponse> {
      if (!this.isBack) throw new Error('no answer')
      const at = parseBatchPosition(position)
      const gap = at?.count === 1 ? gapIn(body) : undefined
      const [first, count] = gap ? [gap.first, gap.count] : [at?.first ?? 0, at?.count ?? 0]
      faults += Math.abs(first - next)
      next = first + count
      return { accepted: count, dropped: 0 }
    },
    faults: (all: number) => faults + Math.abs(all - next),
  }
}

function gapIn(body: Uint8Array): Gap | undefined {
  const record: { gap?: Gap } = JSON.parse(gunzipSync(body).toString())
  return record.gap
}
