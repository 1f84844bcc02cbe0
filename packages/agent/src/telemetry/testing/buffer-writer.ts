import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, batchPositionHeader, type LogRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { openTelemetryBuffer } from '../buffer/buffer.ts'
import type { TelemetryRequest } from '../buffer/sending.ts'

/**
 * The program that the kill test of the buffer kills. It reads a source of numbered records, whose cursor is the number of the next, and
 * sends them to the URL of its second argument. Whether it reads on or only sends what is left is said by the third.
 */
const [folder = '', url = '', task = 'read'] = process.argv.slice(2)

async function post({ body, position }: TelemetryRequest, signal: AbortSignal) {
  const headers = { [batchPositionHeader]: position }
  const answer = await fetch(url, { method: 'POST', body: Buffer.from(body), headers, signal })
  if (answer.ok) return (await answer.json()) as { accepted: number; dropped: number }
  throw new ApiError(answer.status === 413 ? 'payload_too_large' : 'unavailable', 'not now')
}

const buffer = await openTelemetryBuffer({
  kind: 'logs',
  folder,
  // So little that some have to give way.
  maxBytes: 30_000,
  intervalMs: 5,
  hostname: 'web-01',
  post,
  describe: String,
  onFailure(error) {
    throw error
  },
  onDamage() {
    throw new Error('damaged')
  },
  // Waits are short, so that much happens before the kill.
  clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) },
  log: silentLog,
})

console.log(JSON.stringify({ cursor: Number(buffer.cursor('numbers') ?? 0) }))
if (task === 'read') await read()
while (buffer.status([]).bytes > 0) await delay(10)
process.exit()

async function read(): Promise<never> {
  for (let next = Number(buffer.cursor('numbers') ?? 0); ; ) {
    const count = 1 + Math.floor(Math.random() * 40)
    const entries = Array.from({ length: count }, (_, index) => aRecord(next + index))
    next += count
    const added = buffer.append(entries, { source: 'numbers', value: String(next) })
    // Some read on without waiting.
    if (Math.random() < 0.7) await added
  }
}

function aRecord(number: number): LogRecord {
  const message = `${number} ${Math.random()
    .toString(36)
    .repeat(1 + (number % 20))}`
  return { timestamp: '2025-01-15T10:30:00Z', message }
}
