import type { UnsignedEvent } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'
import type { Vitals } from '../../health/vitals.ts'
import { afterOutcome, type BlockingEvent } from './blocking-event.ts'
import type { Message } from './event-reader.ts'
import type { VerifyEvent } from './event-verifier.ts'
import type { HandledEvent, StreamMemory } from './memory.ts'

export interface EventReceiverDeps {
  verify: VerifyEvent
  /** The current signing keys, as a text to compare. */
  keys(): string
  memory: StreamMemory
  /** Resolves when the effect of the event is durable. Called in stream order, without waiting. */
  handle(event: UnsignedEvent, id: string): Promise<void>
  /** Something sent had no effect: the state must be pulled. */
  onGap(): void
  vitals: Vitals
  problems: Problems
  log: Log
}

/** Handles what a stream delivers. An event is acknowledged (the cursor moves, on disk) when its handler has succeeded. */
export interface EventReceiver {
  /** The stream is open (again): refused events may be delivered again. */
  begin(): void
  /**
   * A chunk of events: their effects may be committed together. Rejects if a handler has failed: then reopen the stream
   * before that event.
   */
  deliver(messages: readonly Message[]): Promise<void>
  /**
   * An event was refused, but may be signed with a key that is known by now. Everything behind it is signed with the same key,
   * so the cursor stays before it until the stream is reopened.
   */
  isKeyNew(): boolean
}

type Outcome = Promise<{ error?: unknown }>

export function createEventReceiver(deps: EventReceiverDeps): EventReceiver {
  const { memory, vitals, problems, log } = deps
  let blocking: BlockingEvent | undefined
  /** The known keys at the time when an event of unknown signature was refused. */
  let refusedWith: string | undefined

  const isKeyNew = (): boolean => refusedWith !== undefined && refusedWith !== deps.keys()

  async function deliver(messages: readonly Message[]): Promise<void> {
    const started: { event: HandledEvent; outcome: Outcome }[] = []
    const startedIds = new Set<string>()
    for (const { id, data } of messages) {
      const verdict = await deps.verify(data)
      if (!verdict.event) {
        refuse(verdict.refusal, verdict.eventId, id)
        continue
      }
      const { event } = verdict
      const { event_id, nonce } = event
      const again = memory.wasHandled(event_id) || startedIds.has(event_id)
      if (again) log.debug('event was handled before', { event_id })
      startedIds.add(event_id)
      const outcome = again ? Promise.resolve({}) : settle(deps.handle(event, id))
      started.push({ event: { id: isKeyNew() ? '' : id, eventId: event_id, nonce }, outcome })
    }
    if (started.length > 0) await acknowledge(started)
  }

  async function acknowledge(
    started: readonly { event: HandledEvent; outcome: Outcome }[],
  ): Promise<void> {
    const handled: HandledEvent[] = []
    let failure: { cause: unknown } | undefined
    for (const { event, outcome } of started) {
      const { error } = await outcome
      const { eventId } = event
      const { verdict, ...next } = afterOutcome(blocking, { eventId, error })
      blocking = next.blocking
      if (verdict === 'blocking') {
        failure = { cause: error }
        break
      }
      if (verdict === 'skipped') {
        log.error('event cannot be handled, skipping it', { event_id: eventId, error })
        deps.onGap()
      }
      handled.push(event)
    }
    memory.commit(handled)
    vitals.last_event_id = memory.cursor()
    if (failure) throw new Error('handle event', failure)
    problems.clear('events')
  }

  function refuse(reason: string, event_id: string, id: string): void {
    vitals.refused.set(reason, (vitals.refused.get(reason) ?? 0) + 1)
    log.error('event refused', { reason, event_id, id })
    const counts = [...vitals.refused].map(([name, count]) => `${count} ${name}`).join(', ')
    problems.set('events', `the last event was refused (since the start: ${counts})`)
    if (reason === 'bad signature') refusedWith ??= deps.keys()
    if (reason !== 'replayed') deps.onGap()
  }

  return {
    begin() {
      refusedWith = undefined
    },
    deliver,
    isKeyNew,
  }
}

/** The outcome as a value, so that a failure can be handled later. */
async function settle(work: Promise<void>): Outcome {
  try {
    await work
    return {}
  } catch (error) {
    return { error: error ?? new Error('handler failed') }
  }
}
