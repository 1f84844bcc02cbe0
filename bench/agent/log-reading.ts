import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defaultConfig, openTelemetryBuffer, startLogs } from '@plexd/agent'
import { silentLog, systemClock } from '@plexd/runtime'
import type { Bench, BenchContext } from '../bench.ts'

const linesPerSecond = 1_000
const line =
  '2025-01-15T10:30:00.123Z web-01 nginx: 203.0.113.7 "GET /assets/app.css HTTP/2.0" 200 18423 "-" "Mozilla/5.0"'

/** A program that appends lines, twenty times a second, until it is killed: its CPU is not ours. */
const writer = `
const { appendFileSync } = require('node:fs')
const [, path, line, count] = process.argv
setInterval(() => appendFileSync(path, (line + '\\n').repeat(Number(count) / 20)), 50)`

/** The whole way of log records in the agent: a file, redaction, the buffer on the disk, the batch; nothing is sent. */
export const logReading: Bench = {
  name: 'log-reading',
  targets: [],
  summary: `the agent's CPU for ${linesPerSecond} lines a second of a file, for none, and for a file that is written without end`,
  async run(context) {
    const seconds = context.seconds ?? (context.quick ? 2 : 30)
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const path = join(folder, 'app.log')
    await appendFile(path, '')
    const sent = await startReading(folder, path, stack)

    await measure(context, 'at rest', { seconds, sent })
    const child = spawn(process.execPath, ['-e', writer, path, line, String(linesPerSecond)])
    const ended = once(child, 'exit')
    await measure(context, `${linesPerSecond} lines a second`, { seconds, sent })
    child.kill()
    await ended
    const flood = `${line}\n`.repeat(100_000)
    for (let part = 0; part < (context.quick ? 1 : 20); part++) await appendFile(path, flood)
    await measure(context, 'a file that grows without end', { seconds, sent })
    if (sent() === 0) context.fault('no record was sent')
  },
}

/** Returns how many records were sent so far. */
async function startReading(
  folder: string,
  path: string,
  stack: AsyncDisposableStack,
): Promise<() => number> {
  let sent = 0
  const shared = { clock: systemClock, log: silentLog }
  const collector = stack.use(
    await openTelemetryBuffer({
      ...shared,
      kind: 'logs',
      folder,
      maxBytes: 256 * 1024 * 1024,
      intervalMs: 1_000,
      hostname: 'web-01',
      post: async ({ position }) => {
        const accepted = Number(position.split(' ')[2])
        sent += accepted
        return { accepted, dropped: 0 }
      },
      describe: String,
      onFailure() {},
      onDamage() {},
    }),
  )
  stack.use(
    await startLogs({
      ...shared,
      collector,
      config: { ...defaultConfig, hostname: 'web-01', logsJournald: false, logsFiles: [path] },
      secrets: () => ['a-secret-of-32-characters-or-more', 'and-another-one-of-plexd-itself-'],
      ownUnit: undefined,
      ownLines: () => [],
    }),
  )
  await delay(1_000)
  return () => sent
}

async function measure(
  context: BenchContext,
  what: string,
  { seconds, sent }: { seconds: number; sent(): number },
): Promise<void> {
  const [sentBefore, before, startMs] = [sent(), process.cpuUsage(), performance.now()]
  await delay(seconds * 1_000)
  const { user, system } = process.cpuUsage(before)
  const elapsedMs = performance.now() - startMs
  const add = (figure: string, unit: string, value: number): void =>
    context.add({ what: `${what}: ${figure}`, unit, value })
  add('CPU of one core', '%', (user + system) / 10 / elapsedMs)
  add('records sent', '/s', ((sent() - sentBefore) * 1_000) / elapsedMs)
}
