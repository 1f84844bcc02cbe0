import type { Clock, Log } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'

/** How far this machine's clock differs from the control plane's. From 5 minutes on every event is refused as stale or from the future. */
export interface ClockSkew {
  /** Takes the `Date` header of an answer, and the time when the request was sent. */
  observe(date: string | undefined, sentMs: number): void
  /** Positive if the control plane is ahead. */
  seconds(): number
}

const warnMs = 60_000
const brokenMs = 5 * 60_000

export function createClockSkew(deps: { clock: Clock; log: Log; problems: Problems }): ClockSkew {
  const { clock, log, problems } = deps
  let skewMs = 0
  let level: 'fine' | 'warn' | 'broken' = 'fine'

  function tell(now: typeof level): void {
    if (now === level) return
    level = now
    const fields = { clock_skew_seconds: Math.round(skewMs / 1_000) }
    if (now === 'fine') log.info('clock is right again', fields)
    if (now === 'warn') log.warn('clock is off: set it by NTP', fields)
    if (now === 'broken') log.error('clock is off, events are refused: set it by NTP', fields)
  }

  return {
    observe(date, sentMs) {
      const dateMs = Date.parse(date ?? '')
      if (Number.isNaN(dateMs)) return
      // The header is in whole seconds, and was written between request and answer.
      skewMs = dateMs + 500 - (sentMs + clock.now()) / 2
      const size = Math.abs(skewMs)
      tell(size > brokenMs ? 'broken' : size > warnMs ? 'warn' : 'fine')
      problems.set('clock', size > warnMs ? describe(skewMs) : undefined)
    },
    seconds: () => Math.round(skewMs / 1_000),
  }
}

function describe(skewMs: number): string {
  const minutes = Math.round(Math.abs(skewMs) / 60_000)
  const direction = skewMs > 0 ? 'behind' : 'ahead of'
  const consequence = Math.abs(skewMs) > brokenMs ? ', so that all events are refused' : ''
  return `the clock is ${minutes} min ${direction} the control plane's${consequence}: run "timedatectl set-ntp true"`
}
