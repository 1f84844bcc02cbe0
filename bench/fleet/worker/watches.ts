import type { SeenEvent } from './event-blocks.ts'

/** What somebody waits for all agents to have been told. */
export interface WatchRequest {
  type: string
  /** Stands in the envelope; empty for any of the type. */
  text: string
  /** How many agents of this worker are to get it. */
  want: number
  timeoutMs: number
}

/** When the agents got it, in the milliseconds of `monotonicMs`; fewer than wanted when the time was up. */
export interface Sighting {
  times: number[]
}

interface Watch extends WatchRequest {
  times: number[]
  done: () => void
}

export interface Watches {
  start(request: WatchRequest): Promise<Sighting>
  /** Remembers which watches an event belongs to: it is asked once for each text, not for each agent. */
  parsed(event: SeenEvent): void
  seen(event: SeenEvent): void
}

export function createWatches(): Watches {
  const open = new Set<Watch>()
  const matching = new WeakMap<SeenEvent, readonly Watch[]>()
  return {
    start({ want, timeoutMs, ...request }) {
      if (want === 0) return Promise.resolve({ times: [] })
      return new Promise((resolve) => {
        const times: number[] = []
        const done = (): void => {
          clearTimeout(timer)
          open.delete(watch)
          resolve({ times })
        }
        const watch: Watch = { ...request, want, timeoutMs, times, done }
        const timer = setTimeout(done, timeoutMs)
        open.add(watch)
      })
    },
    parsed(event) {
      if (open.size === 0) return
      const own = [...open].filter(
        ({ type, text }) => type === event.type && (text === '' || event.data.includes(text)),
      )
      if (own.length > 0) matching.set(event, own)
    },
    seen(event) {
      const own = open.size === 0 ? undefined : matching.get(event)
      if (!own) return
      const nowMs = monotonicMs()
      for (const { times, want, done } of own) {
        times.push(nowMs)
        if (times.length === want) done()
      }
    },
  }
}

/** A clock that all processes of a machine read alike. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
