import { type Clock, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Place } from '../../config/place.ts'
import { placesOf } from '../../config/places.ts'
import { createListeners } from '../../process/listeners.ts'
import { describeFailure } from './failure.ts'
import type { Fault } from './fault.ts'
import { afterFailure, attemptAt, type Course, longAgo, startOf } from './next-address.ts'
import { conclude, dropAll, type Failure, outcomeAt, type Question } from './outcome.ts'

/** The addresses of the control plane, of which all requests and the event stream use the same one while it works. */
export interface Addresses {
  /** The preferred one first. */
  readonly places: readonly Place[]
  inUse(): Place
  /**
   * Asks at the address in use, and where that gives no answer of a control plane that serves, at the others at once, each
   * once. After that it is for the caller to wait. Rejects with a NoneAnswered if nobody has answered.
   */
  ask<T>(question: Question<T>): Promise<T>
  /** Another address is in use than before, and has answered. Returns the function that ends it. */
  onMove(listener: () => void): () => void
  sights(): readonly AddressSight[]
}

/** What is known of an address. */
export interface AddressSight extends Place {
  isInUse: boolean
  /** Why it gave no answer when it was asked last; empty if it gave one, or was not asked. */
  failure: string
  /** Unix time in ms. */
  failedMs: number | undefined
}

type Config = Pick<AgentConfig, 'apiUrl' | 'caFile'> &
  Partial<Pick<AgentConfig, 'proxyUrl' | 'otherPlaces'>>

export function createAddresses(
  config: Config,
  clock: Pick<Clock, 'now'> = systemClock,
): Addresses {
  const places = placesOf(config)
  const failures = new Map<Place, Pick<AddressSight, 'failure' | 'failedMs'>>()
  const { add, tell } = createListeners()
  /** Counts what is asked. By place, the latest question that it has answered: a fault of an earlier one says nothing new of it. */
  let asked = 0
  const latest = new Map<Place, number>()
  let course: Course = startOf(places.length)
  let answering = course.inUse

  const placeAt = (at: number): Place => places[at] as Place // the course counts these

  function answered(at: number, began: number): void {
    failures.delete(placeAt(at))
    latest.set(placeAt(at), Math.max(began, latest.get(placeAt(at)) ?? 0))
    if (at !== course.inUse || at === answering) return
    answering = at
    tell()
  }

  function failed(place: Place, { error }: Fault): void {
    const failedMs = clock.now()
    const failure = describeFailure(error, { ...config, ...place }, failedMs)
    failures.set(place, { failure, failedMs })
  }

  async function round<T>(question: Question<T>): Promise<T> {
    const tried: Failure<T>[] = []
    for (let next: number | undefined = course.inUse; next !== undefined; ) {
      const began = ++asked
      const attempt = attemptAt(course, next)
      const outcome = await outcomeAt(question, placeAt(next), next)
      if (!outcome.fault) {
        answered(next, began)
        dropAll(tried, question)
        return outcome.value
      }
      const isOld = (latest.get(placeAt(next)) ?? 0) > began
      if (!isOld) failed(placeAt(next), outcome.fault)
      const saw = isOld ? { ...attempt, turn: longAgo } : attempt
      tried.push({ ...outcome, ...saw, place: placeAt(next), soon: outcome.fault.soon })
      ;({ course, next } = afterFailure(course, tried))
    }
    return conclude(tried, question)
  }

  return {
    places,
    inUse: () => placeAt(course.inUse),
    ask: (question) => (places.length === 1 ? question.ask(placeAt(0), 0) : round(question)),
    onMove: add,
    sights: () =>
      places.map((place, at) => ({
        ...place,
        isInUse: at === course.inUse,
        ...(failures.get(place) ?? { failure: '', failedMs: undefined }),
      })),
  }
}
