import { type Clock, wishedWaitMs } from '@plexd/runtime'
import type { Limits } from '../../config/limits.ts'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { ClockSkew } from '../client/clock-skew.ts'
import type { ConnectStream, StreamConnection } from './connection.ts'
import { createEventReader, OversizeError } from './event-reader.ts'
import { createEventReceiver, type EventReceiverDeps } from './event-receiver.ts'
import { judgeDown } from './health.ts'
import { createReconnectPolicy, type StreamEnd } from './reconnect.ts'

export interface EventStreamDeps extends EventReceiverDeps {
  connect: ConnectStream
  /** The revision of our state; empty for none. */
  revision(): string
  limits: Pick<Limits, 'event_characters'>
  /** The stream is up (again): missed events are unknown here. */
  onConnect(): void
  describe(error: unknown): string
  skew: ClockSkew
  clock: Clock
  random?: () => number
  /** Whether the control plane has several addresses. */
  hasOthers?: boolean
}

export interface EventStream extends AsyncDisposable {
  /** Reconnects at once if the stream's local address is not among these. */
  keepOnly(localAddresses: ReadonlySet<string>): void
  /** Reconnects at once if the stream is open at another address of the control plane than this one. */
  moveTo(apiUrl: string): void
  /** Another request has succeeded: reconnect without waiting, unless the control plane asked for a delay. */
  wake(): void
  /** A pulled state brought a signing key: events signed with it are requested again. */
  keyLearned(): void
}

interface OpenStream extends Pick<StreamConnection, 'localAddress' | 'apiUrl'> {
  end: AbortController
}

/** Follows the control plane's signed events for as long as the process lives. */
export function startEventStream(deps: EventStreamDeps): EventStream {
  const { memory, vitals, problems, clock, log } = deps
  const policy = createReconnectPolicy(deps.random, deps.hasOthers)
  const receiver = createEventReceiver(deps)
  const woken = createTrigger(clock)
  let downSinceMs = clock.monotonic()
  let open: OpenStream | undefined
  let mayWake = false
  let isLost = false

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
    // Also closes the connection if a handler has failed.
    const connection = new AbortController()
    try {
      const { chunks, date, localAddress, apiUrl } = await deps.connect({
        lastEventId: memory.cursor(),
        revision: deps.revision(),
        signal: AbortSignal.any([signal, connection.signal]),
      })
      openedMs = clock.monotonic()
      open = { localAddress, apiUrl, end: connection }
      connected(date)
      const read = createEventReader(deps.limits.event_characters)
      for await (const chunk of chunks) {
        await receiver.deliver(read(chunk))
        if (receiver.isKeyNew()) reopen(keyNews)
      }
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
    receiver.begin()
    log.info('event stream connected', { last_event_id: memory.cursor() })
    vitals.stream = 'connected'
    vitals.stream_connects++
    problems.clear('stream')
    problems.clear('refused')
    deps.skew.observe(date, clock.now())
    deps.onConnect()
  }

  /** Immediately, from the current cursor. */
  function reopen(why: string): void {
    if (!open) return
    isLost = true
    open.end.abort(new Error(why))
  }

  /** Requesting it again would fail the same way forever. */
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
    const reason = error === undefined ? '' : deps.describe(error)
    if (error === undefined) log.info('event stream closed, reconnecting', fields)
    else {
      log.warn('event stream failed, reconnecting', { error: reason, ...fields })
      vitals.last_error = reason
    }
    const { stream, problem } = judgeDown({
      error,
      reason,
      downMs: clock.monotonic() - downSinceMs,
    })
    vitals.stream = stream
    if (problem) problems.set(...problem)
  }

  const task = startTask(run)
  return {
    keepOnly(localAddresses) {
      const address = open?.localAddress
      if (address === undefined || localAddresses.has(address)) return
      reopen(`the address ${address} was lost`)
    },
    moveTo(apiUrl) {
      if (open?.apiUrl !== undefined && open.apiUrl !== apiUrl)
        reopen(`the control plane is asked at "${apiUrl}" now`)
    },
    wake() {
      if (mayWake) woken.fire()
    },
    keyLearned: () => reopen(keyNews),
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      vitals.stream = 'stopped'
    },
  }
}

const keyNews = 'there is a new signing key'
