import type { AuditRecord, SourceStatus } from '@plexd/protocol'
import { type Clock, createBackoff, describeError, type Log, orAborted } from '@plexd/runtime'
import type { OpenRawSocket } from '../../../process/sockets/raw-socket.ts'
import { startTask } from '../../../process/task.ts'
import type { Collecting, Collector } from '../../buffer/collector.ts'
import type { AuditKernel } from '../kernel/audit-kernel.ts'
import { chooseWay, usualPlaces } from './choose.ts'
import { followWay } from './follow-way.ts'
import type { AuditIntake } from './intake.ts'
import { createLostRecords } from './lost-records.ts'
import { canReadNetlink } from './netlink-source.ts'
import { startWatches } from './watches.ts'

export interface LinuxAuditOptions {
  collector: Collector<AuditRecord>
  intake: AuditIntake
  /** In the order in which they are tried: `netlink`, or paths of a log or a socket of auditd. Those of any machine if empty. */
  places: readonly string[]
  /** What plexd has the kernel watch. */
  watch: readonly string[]
  openSocket: OpenRawSocket
  kernel: AuditKernel
  clock: Clock
  log: Log
}

const expireMs = 1_000
const keepMs = 1_000
/** What the kernel has lost. */
const lookMs = 30_000

/** Reads the audit of this machine's kernel, by the first way that works. */
export function startLinuxAudit(options: LinuxAuditOptions): Collecting {
  const { collector, intake, openSocket, kernel, clock, log } = options
  const places = options.places.length > 0 ? options.places : usualPlaces
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  const lostRecords = createLostRecords()
  let state: SourceStatus = { name: 'linux', state: 'waiting', detail: '' }
  /** What of the kernel is worth saying. */
  let remark = ''
  /** Where it cannot be told, a log is taken for one that is written. */
  const isDaemonRunning = async (): Promise<boolean> => (await statusOf())?.daemonPid !== 0
  const machine = { canReadNetlink: () => canReadNetlink(openSocket), isDaemonRunning }

  function statusOf() {
    return kernel.status().catch(() => undefined)
  }

  function fail(detail: string): void {
    if (state.detail !== detail)
      log.warn('the audit of this machine cannot be read, will be tried again', { error: detail })
    state = { name: 'linux', state: 'failed', detail }
  }

  async function look(signal: AbortSignal): Promise<void> {
    const status = await statusOf()
    if (!status) return
    const lost = await lostRecords.since(status)
    const reason = 'lines of events for which the kernel had no room, asked for or not'
    if (lost > 0) await orAborted(collector.lost(lost, reason), signal)
    // For watches it is switched on, and they tell if it cannot be.
    const isOff = status.enabled === 'off' && options.watch.length === 0
    remark = isOff ? 'the audit of the kernel is off, so nothing comes' : ''
  }

  async function attempt(signal: AbortSignal): Promise<string> {
    const { way, passed } = await chooseWay(places, machine)
    if (!way) return passed.join('; ')
    const where = way.type === 'netlink' ? 'netlink' : `${way.type} ${way.path}`
    state = { name: 'linux', state: 'running', detail: [where, ...passed].join('; ') }
    try {
      return await followWay(way, { ...options, isDaemonRunning }, signal)
    } catch (error) {
      signal.throwIfAborted()
      return describeError(error)
    } finally {
      intake.blame('events of the kernel while another way to it was looked for')
    }
  }

  /** A full disk keeps nobody from ending. */
  async function keep(): Promise<void> {
    const waiting = new AbortController()
    const late = clock.sleep(keepMs, waiting.signal).catch(() => {}) // the abort below
    await Promise.race([intake.keep(), late])
    waiting.abort()
  }

  const reading = startTask(async (signal) => {
    for (;;) {
      const startedMs = clock.monotonic()
      fail(await attempt(signal))
      signal.throwIfAborted()
      if (clock.monotonic() - startedMs > lookMs) backoff.reset()
      await clock.sleep(backoff.nextMs(), signal)
    }
  })
  const looking = startTask(async (signal) => {
    for (;;) {
      await look(signal)
      await clock.sleep(lookMs, signal)
    }
  })
  const expiring = startTask(async (signal) => {
    for (;;) {
      await clock.sleep(expireMs, signal)
      await intake.expire(signal)
    }
  })
  const watches = startWatches({ paths: options.watch, kernel, clock, log })

  return {
    sources() {
      const problems = watches.problems()
      const detail = [state.detail, remark, ...describeCounts(intake), ...problems]
      return [
        {
          ...state,
          state: problems.length > 0 ? 'failed' : state.state,
          detail: detail.filter((part) => part !== '').join('; '),
        },
      ]
    },
    async [Symbol.asyncDispose]() {
      // First: removing rules is an event itself, which is read no more.
      await reading[Symbol.asyncDispose]()
      await watches[Symbol.asyncDispose]()
      await expiring[Symbol.asyncDispose]()
      await looking[Symbol.asyncDispose]()
      await keep()
    },
  }
}

function describeCounts(intake: AuditIntake): string[] {
  const { records, own, filtered, unreadable, lost, repeated } = intake.counts()
  const parts = [
    [records, 'events'],
    [own, 'of plexd itself left out'],
    [filtered, 'not asked for'],
    [unreadable, 'lines that are no records'],
    [lost, 'lost'],
    [repeated, 'parts that came again or too late'],
  ] as const
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return told.length > 0 ? [told.join(', ')] : []
}
