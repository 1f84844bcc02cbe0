import type { LoggedEvent } from '../rows/events.ts'
import type { Heads } from './heads.ts'

export type EventListener = (event: LoggedEvent) => void

/** Where committed events come by, in the order of the log. */
export interface EventHub {
  /** Only a commit may call it. */
  publish(events: readonly LoggedEvent[]): void
  /** A listener must be quick and must not throw. Returns the function that ends it. */
  listen(listener: EventListener): () => void
}

export function createEventHub(heads: Heads): EventHub {
  const listeners = new Set<EventListener>()
  return {
    publish(events) {
      heads.advance(events)
      for (const event of events) for (const listener of listeners) listener(event)
    },
    listen(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
