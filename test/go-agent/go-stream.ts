import { setTimeout as delay } from 'node:timers/promises'
import { rawMembers } from '@plexd/protocol'
import { openEventStream } from '@plexd/runtime/testing'
import { type GoClient, type GoServer, goUserAgent } from './go-client.ts'
import { goDecode } from './go-json.ts'
import { goPayloads } from './go-types.ts'
import type { GoEvent, GoVerifier } from './go-verifier.ts'

/** An event that passed every check, with the id of its block. */
export interface GoDelivery extends GoEvent {
  id: string
}

/** The event stream as the Go agent keeps it: cut from outside every so often, taken up at once where it was. */
export interface GoStream extends AsyncDisposable {
  readonly deliveries: readonly GoDelivery[]
  /** Each event that a check refused, with the reason. */
  readonly refusals: readonly string[]
  /** How many times it has connected. */
  connects(): number
  /** Of every answer, in order. */
  readonly statuses: readonly number[]
}

/**
 * Follows until disposed of. `cutMs` stands for the client's total timeout of 30 s; it is not cut before its first event:
 * without a cursor it would go on from now, as the agent does, and miss what came in between. After an answer of 401,
 * 403 or 404 it stops for good, as the agent does.
 */
export function followAsGo(
  server: GoServer,
  client: GoClient,
  { cutMs = 30_000, pauseMs = 0 }: { cutMs?: number; pauseMs?: number } = {},
): GoStream {
  const stop = new AbortController()
  const { verifier } = client
  const deliveries: GoDelivery[] = []
  const refusals: string[] = []
  const statuses: number[] = []
  // In memory only, and moved before the event is looked at.
  let lastEventId = ''

  function take(block: { id: string; data: string }): void {
    if (block.id !== '') lastEventId = block.id
    try {
      const event = verifier.verify(block.data)
      const type = goPayloads[event.event_type]
      // From the text: how a number is spelled matters to Go.
      const text = rawMembers(block.data).get('payload') ?? 'null'
      const payload = goDecode(type ?? 'any', text)
      if (event.event_type === 'signing_key_rotated') rotate(verifier, payload as Rotation) // decoded into that struct
      deliveries.push({ ...event, payload, id: block.id })
    } catch (error) {
      refusals.push(`${block.id}: ${(error as Error).message}`) // nothing else is thrown there
    }
  }

  async function connectOnce(): Promise<void> {
    using stream = await openEventStream({
      ...server,
      path: client.path('/events'),
      token: client.nsk,
      userAgent: goUserAgent,
      ...(lastEventId === '' ? {} : { lastEventId }),
    })
    statuses.push(stream.status)
    if ([401, 403, 404].includes(stream.status)) stop.abort()
    const cutAt = performance.now() + cutMs
    const leftUntilCut = (): number => (lastEventId === '' ? cutMs : cutAt - performance.now())
    while (!stop.signal.aborted && leftUntilCut() > 0) {
      const leftMs = Math.max(1, Math.ceil(Math.min(leftUntilCut(), 50)))
      const block = await stream.next(leftMs).catch(() => 'none yet' as const)
      if (block === undefined) return
      if (block !== 'none yet') take(block)
    }
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      await connectOnce().catch(() => delay(100))
      await delay(pauseMs)
    }
  }

  const following = follow()
  return {
    deliveries,
    refusals,
    statuses,
    connects: () => statuses.length,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
    },
  }
}

/** What the agent does with the payload of signing_key_rotated. */
export function rotate(
  verifier: GoVerifier,
  { current, previous, transition_expires }: Rotation,
): void {
  verifier.keys = { current, previous, transitionExpiresMs: Date.parse(transition_expires) }
}

export interface Rotation {
  current: string
  previous: string
  transition_expires: string
}
