import type { SeenEvent } from './event-blocks.ts'

/** Which events count. */
export interface EventWatch {
  type: string
  /** Occurs in the envelope; left out for any event of the type. */
  text?: string | undefined
}

export interface WatchRequest extends EventWatch {
  /** How many agents of this worker are to get it. */
  want: number
  timeoutMs: number
}

interface Watch extends WatchRequest {
  times: number[]
  done: () => void
}

export interface Watches {
  /** When the agents got it, by `monotonicMs`; fewer than wanted when the time is up. */
  start(request: WatchRequest): Promise<number[]>
  /** Remembers which watches an event belongs to: called once for each text, not for each agent. */
  parsed(event: SeenEvent): void
  seen(event: SeenEvent): void
}

export function createWatches(): Watches {
  const open = new Set<Watch>()
  const matching = new WeakMap<SeenEvent, readonly Watch[]>()
  return {
    start(request) {
      if (request.want === 0) return Promise.resolve([])
      return new Promise((resolve) => {
        const times: number[] = []
        const done = (): void => {
          clearTimeout(timer)
          open.delete(watch)
          resolve(times)
        }
        const watch: Watch = { ...request, times, done }
        const timer = setTimeout(done, request.timeoutMs)
        open.add(watch)
      })
    },
    parsed(event) {
      if (open.size === 0) return
      const own = [...open].filter(
        ({ type, text = '' }) => type === event.type && event.data.includes(text),
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

/** The same clock for all processes of a machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
