import { describeError, type Log } from '../log/log.ts'
import { openUnixDatagrams } from '../native/unix-datagrams.ts'
import type { ServiceEnvironment } from './service-environment.ts'

/**
 * Tells the service manager how the daemon is (sd_notify(3)). Nothing here waits, throws or fails: a daemon works whether it is
 * listened to or not.
 */
export interface ServiceManager {
  /** Whether there is one. */
  readonly isThere: boolean
  /** How often it wants to hear that we are alive, in ms; undefined if it does not. */
  readonly watchdogMs: number | undefined
  /** Whether it was told that we stop, or restart; nothing else is told after that. */
  readonly isEnding: boolean
  /** How it is, in words of one line. */
  status(words: string): void
  /** Also when a reload is over. */
  ready(): void
  reloading(): void
  /** A start, reload or end goes on, and takes at most so much longer. */
  extend(ms: number): void
  alive(): void
  /** The end takes at most so long. */
  stopping(withinMs: number): void
  /** This very process starts anew, and will say that it is ready. */
  restarting(withinMs: number): void
}

/** Undefined variables, as at a terminal, make one that tells nobody. */
export function openServiceManager(
  { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID }: ServiceEnvironment,
  log: Pick<Log, 'warn'>,
): ServiceManager {
  const tell = openTeller(NOTIFY_SOCKET, log)
  let isEnding = false
  let lastWords = ''

  function send(...lines: string[]): void {
    if (!isEnding) tell(lines.join('\n'))
  }
  const reloadLines = (): string[] => ['RELOADING=1', `MONOTONIC_USEC=${monotonicMicroseconds()}`]

  return {
    isThere: tell !== tellNobody,
    watchdogMs:
      tell === tellNobody ? undefined : watchdogMsOf({ WATCHDOG_USEC, WATCHDOG_PID }, log),
    get isEnding() {
      return isEnding
    },
    status(words) {
      const line = oneLine(words)
      if (line === lastWords) return
      lastWords = line
      send(`STATUS=${line}`)
    },
    ready: () => send('READY=1'),
    reloading: () => send(...reloadLines()),
    extend: (ms) => send(extension(ms)),
    alive: () => (isEnding ? tell : send)('WATCHDOG=1'),
    stopping(withinMs) {
      send('STOPPING=1', 'STATUS=stopping', extension(withinMs))
      isEnding = true
    },
    restarting(withinMs) {
      // Not STOPPING: after that systemd waits for the end of a process that goes on.
      send(...reloadLines(), 'STATUS=restarting', extension(withinMs))
      isEnding = true
    },
  }
}

function extension(ms: number): string {
  return `EXTEND_TIMEOUT_USEC=${Math.round(ms * 1_000)}`
}

type Tell = (text: string) => void
const tellNobody: Tell = () => {}

/** How many messages wait while the manager does not read, and how long until they are tried again. */
const maxWaiting = 16
const retryMs = 100

function openTeller(socket: string | undefined, log: Pick<Log, 'warn'>): Tell {
  if (socket === undefined || socket === '') return tellNobody
  let warned = ''
  function warn(error: string): void {
    if (error !== warned)
      log.warn('the service manager cannot be told how plexd is', { socket, error })
    warned = error
  }
  try {
    return createTeller(openUnixDatagrams(socket).send, warn)
  } catch (error) {
    warn(describeError(error))
    return tellNobody
  }
}

/** In order; the oldest are dropped of those that nobody reads. */
function createTeller(
  send: (message: Uint8Array) => string | undefined,
  warn: (error: string) => void,
): Tell {
  let waiting: string[] = []
  let timer: NodeJS.Timeout | undefined

  function drain(): void {
    timer = undefined
    while (waiting.length > 0) {
      const error = send(Buffer.from(waiting[0] ?? ''))
      if (error === 'EAGAIN') {
        timer = setTimeout(drain, retryMs).unref()
        return
      }
      if (error !== undefined) warn(error)
      waiting = waiting.slice(1)
    }
  }

  return (text) => {
    waiting = [...waiting, text].slice(-maxWaiting)
    if (!timer) drain()
  }
}

/** What a line of `systemctl status` is good for. */
const maxWordsChars = 512

function oneLine(words: string): string {
  const line = words.replace(/\s+/g, ' ').trim()
  return line.length > maxWordsChars ? `${line.slice(0, maxWordsChars - 1)}…` : line
}

/** sd_watchdog_enabled(3): the variables of another process are none of ours. */
function watchdogMsOf(
  { WATCHDOG_USEC, WATCHDOG_PID }: Pick<ServiceEnvironment, 'WATCHDOG_USEC' | 'WATCHDOG_PID'>,
  log: Pick<Log, 'warn'>,
): number | undefined {
  if (WATCHDOG_USEC === undefined) return undefined
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined
  const ms = Number(WATCHDOG_USEC) / 1_000
  if (/^\d{1,15}$/.test(WATCHDOG_USEC) && ms > 0) return ms
  log.warn('the watchdog of the service manager is ignored: want microseconds', {
    watchdog_usec: WATCHDOG_USEC,
  })
  return undefined
}

/** Of CLOCK_MONOTONIC, which is the clock of hrtime. */
function monotonicMicroseconds(): bigint {
  return process.hrtime.bigint() / 1_000n
}
