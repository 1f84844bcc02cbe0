import type { UnsignedEvent } from '@plexd/protocol'
import { type Clock, type Log, wishedWaitMs } from '@plexd/runtime'
import type { Limits } from '../config/limits.ts'
import type { Problems } from '../health/problems.ts'
import type { Vitals } from '../health/vitals.ts'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import type { ClockSkew } from './clock-skew.ts'
import { createEventReader, type Message, OversizeError } from './event-reader.ts'
import type { VerifyEvent } from './event-verifier.ts'
import { describeRefusal, isRefusal } from './failure.ts'
import { createReconnectPolicy, type StreamEnd } from './reconnect.ts'
import type { ConnectStream } from './stream-connection.ts'
import type { HandledEvent, StreamMemory } from './stream-memory.ts'

export interface EventStreamDeps {
  connect: ConnectStream
  verify: VerifyEvent
  /** What events are verified with now, as a text to compare. */
  keys(): string
  memory: StreamMemory
  /** Of the state that we have; empty for none. */
  revision(): string
  /** Resolves when the effect of the event is durable. Called in the order of the stream, without waiting. */
  handle(event: UnsignedEvent, id: string): Promise<void>
  limits: Pick<Limits, 'event_characters'>
  /** The stream is up (again): what happened meanwhile is known to nobody here. */
  onConnect(): void
  /** Something was sent that had no effect: what it was about must be pulled. */
  onGap(): void
  describe(error: unknown): string
  vitals: Vitals
  problems: Problems
  skew: ClockSkew
  clock: Clock
  log: Log
  random?: () => number
}

export interface EventStream extends AsyncDisposable {
  /** Opens the stream again at once where it comes to an address that is not among these. */
  keepOnly(localAddresses: ReadonlySet<string>): void
  /** Another request has got through: there is no more reason to wait, unless the control plane asked for it. */
  wake(): void
  /** A pulled state brought a signing key: what came under it meanwhile is asked for again. */
  keyLearned(): void
}

/** Down for longer than this, the state pulls of the reconciler are what keeps the node current. */
const pollingAfterMs = 5 * 60_000
/** An event whose handler keeps failing must not hold up all that follow. */
const maxAttempts = 5

/**
 * Follows the signed events of the control plane, for as long as the process lives. An event is acknowledged (the
 * cursor moves, on disk) when its handler has succeeded; if one fails the stream is opened again from before it.
 */
export function startEventStream(deps: EventStreamDeps): EventStream {
  const { memory, vitals, problems, clock, log } = deps
  const policy = createReconnectPolicy(deps.random)
  const attempts = new Map<string, number>()
  let downSinceMs = clock.monotonic()
  let open: { localAddress: string | undefined; end: AbortController } | undefined
  const woken = createTrigger(clock)
  let mayWake = false
  let isLost = false
  /** The keys that we had when an event was refused which may be signed with one that is yet to be learned. */
  let refusedWith: string | undefined

  async function run(signal: AbortSignal): Promise<void> {
    vitals.last_event_id = memory.cursor()
    vitals.stream = 'connecting'
    for (;;) {
      const end = await follow(signal)
      signal.throwIfAborted()
      const waitMs = isLost ? 0 : policy.nextMs(end)
      isLost = false
      tell(end, waitMs)
      mayWake = wishedWaitMs(end.error) === undefined
      await woken.wait(waitMs, signal)
      mayWake = false
    }
  }

  async function follow(signal: AbortSignal): Promise<StreamEnd> {
    let openedMs: number | undefined
    const openMs = (): number | undefined =>
      openedMs === undefined ? undefined : clock.monotonic() - openedMs
    // Ends the connection also when a handler has failed.
    const connection = new AbortController()
    try {
      const { chunks, date, localAddress } = await deps.connect({
        lastEventId: memory.cursor(),
        revision: deps.revision(),
        signal: AbortSignal.any([signal, connection.signal]),
      })
      refusedWith = undefined
      openedMs = clock.monotonic()
      open = { localAddress, end: connection }
      connected(date)
      const read = createEventReader(deps.limits.event_characters)
      for await (const chunk of chunks) await deliver(read(chunk))
      return { error: undefined, openMs: openMs() }
    } catch (error) {
      if (error instanceof OversizeError) skipOversize()
      return { error, openMs: openMs() }
    } finally {
      open = undefined
      connection.abort()
      if (openedMs !== undefined) downSinceMs = clock.monotonic()
    }
  }

  function connected(date: string | undefined): void {
    log.info('event stream connected', { last_event_id: memory.cursor() })
    vitals.stream = 'connected'
    problems.clear('stream')
    problems.clear('refused')
    deps.skew.observe(date, clock.now())
    deps.onConnect()
  }

  /** All that came in one piece: their effects may reach the disk together. */
  async function deliver(messages: readonly Message[]): Promise<void> {
    const started: { event: HandledEvent; outcome: Promise<{ error?: unknown }> }[] = []
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
    await acknowledge(started)
    if (isKeyNew()) reopen()
  }

  /** Behind what was refused all is signed with the same key, so the cursor is before it until that is known. */
  function isKeyNew(): boolean {
    return refusedWith !== undefined && refusedWith !== deps.keys()
  }

  function reopen(): void {
    if (!open) return
    isLost = true
    open.end.abort(new Error('there is a new signing key'))
  }

  async function acknowledge(
    started: readonly { event: HandledEvent; outcome: Promise<{ error?: unknown }> }[],
  ): Promise<void> {
    const handled: HandledEvent[] = []
    let failure: unknown
    for (const { event, outcome } of started) {
      const { error } = await outcome
      if (error !== undefined && !isHopeless(event.eventId, error)) {
        failure = error
        break
      }
      attempts.delete(event.eventId)
      handled.push(event)
    }
    if (started.length > 0) memory.commit(handled)
    vitals.last_event_id = memory.cursor()
    if (failure !== undefined) throw new Error('handle event', { cause: failure })
    if (handled.length > 0) problems.clear('events')
  }

  function isHopeless(eventId: string, error: unknown): boolean {
    const count = (attempts.get(eventId) ?? 0) + 1
    attempts.set(eventId, count)
    if (count < maxAttempts) return false
    log.error('event cannot be handled, skipping it', { event_id: eventId, error })
    deps.onGap()
    return true
  }

  function refuse(reason: string, event_id: string, id: string): void {
    vitals.refused.set(reason, (vitals.refused.get(reason) ?? 0) + 1)
    log.error('event refused', { reason, event_id, id })
    const counts = [...vitals.refused].map(([name, count]) => `${count} ${name}`).join(', ')
    problems.set('events', `the last event was refused (since the start: ${counts})`)
    if (reason === 'bad signature') refusedWith ??= deps.keys()
    if (reason !== 'replayed') deps.onGap()
  }

  /** Asking for it again would end the same way for ever. */
  function skipOversize(): void {
    log.error('event is too large, going on behind it', { last_event_id: memory.cursor() })
    deps.onGap()
    try {
      memory.forgetCursor()
    } catch (error) {
      log.error('cursor cannot be saved', { error })
    }
  }

  function tell({ error }: StreamEnd, waitMs: number): void {
    const fields = { retry_in_ms: Math.round(waitMs) }
    if (error === undefined) log.info('event stream closed, reconnecting', fields)
    else log.warn('event stream failed, reconnecting', { error: deps.describe(error), ...fields })
    if (error !== undefined) vitals.last_error = deps.describe(error)
    const downMs = clock.monotonic() - downSinceMs
    if (isRefusal(error)) {
      vitals.stream = 'refused'
      problems.set('refused', describeRefusal(deps.describe(error)))
    } else if (downMs > pollingAfterMs) {
      vitals.stream = 'polling'
      problems.set('stream', describeDown(error, downMs))
    } else vitals.stream = 'connecting'
  }

  function describeDown(error: unknown, downMs: number): string {
    const minutes = Math.round(downMs / 60_000)
    const why = error === undefined ? 'the server closes it' : deps.describe(error)
    return `no event stream for ${minutes} min, polling instead: ${why}`
  }

  const task = startTask(run)
  return {
    keepOnly(localAddresses) {
      const { localAddress, end } = open ?? {}
      if (localAddress === undefined || localAddresses.has(localAddress)) return
      isLost = true
      end?.abort(new Error(`the address ${localAddress} was lost`))
    },
    wake() {
      if (mayWake) woken.fire()
    },
    keyLearned: reopen,
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      vitals.stream = 'stopped'
    },
  }
}

/** The outcome as a value, so that a failure may be looked at later. */
async function settle(work: Promise<void>): Promise<{ error?: unknown }> {
  try {
    await work
    return {}
  } catch (error) {
    return { error: error ?? new Error('handler failed') }
  }
}
