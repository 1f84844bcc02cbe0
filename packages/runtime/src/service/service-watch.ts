import { describeError, type Log } from '../log/log.ts'
import type { Clock } from '../time/clock.ts'
import type { ServiceManager } from './service-manager.ts'

/**
 * Asks the daemon as its users do. Resolves to how it is, in words; rejects if it does not answer. So it proves that the
 * main loop turns and that what serves the users is served.
 */
export type ServiceProbe = (signal: AbortSignal) => Promise<string>

export interface ServiceWatchOptions {
  manager: ServiceManager
  probe: ServiceProbe
  clock: Clock
  log: Pick<Log, 'warn' | 'info'>
}

/** Between two questions until the first answer. */
const startMs = 100
/** For the words, where there is no watchdog. */
const lookMs = 15_000
/** A question without an answer is asked again. */
const againMs = 1_000
/** Within this an answer has to come, if the watchdog leaves as much. */
const longestMs = 10_000

/**
 * Tells the manager that the daemon is ready once it answers, and from then on that it is alive each time that it answers: four
 * times in the time that the watchdog allows. Ends when the manager was told that the daemon does.
 */
export function startServiceWatch({ manager, probe, clock, log }: ServiceWatchOptions): Disposable {
  const over = new AbortController()
  const everyMs = Math.min(lookMs, (manager.watchdogMs ?? Number.POSITIVE_INFINITY) / 4)
  const patienceMs = Math.min(longestMs, everyMs)
  let isReady = false
  let isSilent = false

  async function look(): Promise<number> {
    try {
      const words = await probe(AbortSignal.any([over.signal, AbortSignal.timeout(patienceMs)]))
      if (manager.isEnding) return 0
      manager.status(words)
      if (!isReady) manager.ready()
      manager.alive()
      if (isSilent) log.info('answers again')
      isReady = true
      isSilent = false
      return everyMs
    } catch (error) {
      if (!isReady) return startMs
      if (!isSilent && !manager.isEnding && !over.signal.aborted) tellSilence(error)
      isSilent = true
      return Math.min(againMs, everyMs)
    }
  }

  function tellSilence(error: unknown): void {
    const watchdog_ms = manager.watchdogMs
    manager.status(`does not answer: ${describeError(error)}`)
    log.warn('does not answer those who ask it; the watchdog of the service ends what stays so', {
      error: describeError(error),
      watchdog_ms,
    })
  }

  async function run(): Promise<void> {
    while (!over.signal.aborted && !manager.isEnding) await clock.sleep(await look(), over.signal)
  }
  run().catch(() => {}) // only the end of the watch rejects
  return { [Symbol.dispose]: () => over.abort() }
}
