import { parseDuration } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import { type Answer, errorAnswer, type LocalRequest, liveAnswer } from '../requests/answer.ts'

export interface Watch {
  /** Waits until the index differs from the caller's, for a limited time, or until the request ends. */
  wait(query: string, request: LocalRequest): Promise<Answer>
  /** Something may have changed: compare the index. */
  changed(): void
  /** Answers all waiting requests, now and from now on. */
  close(): void
}

const maxWaitMs = 5 * 60_000

/**
 * A blocking query like Consul's: `index` is the last one the caller saw, and the answer comes when it has
 * changed. An index from another run of the daemon is answered at once, so that nobody misses a
 * restart.
 */
export function createWatch(index: () => number, clock: Clock): Watch {
  let next = Promise.withResolvers<void>()
  let closed = false

  async function wait(query: string, { signal }: LocalRequest): Promise<Answer> {
    const parameters = new URLSearchParams(query)
    const known = parseIndex(parameters.get('index') ?? '')
    if (known === undefined) return errorAnswer(400, 'index must be an integer')
    const waitMs = parseWait(parameters.get('wait') ?? '')
    if (waitMs === undefined) return errorAnswer(400, 'wait must be a duration such as 30s')
    if (known === index()) await until(known, waitMs, signal)
    return answer(known)
  }

  async function until(known: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const ends = clock.sleep(waitMs, AbortSignal.any([signal, over.signal])).catch(() => 'ended')
    let ended = false
    void ends.then(() => {
      ended = true
    })
    while (index() === known && !ended && !closed) await Promise.race([next.promise, ends])
    over.abort()
  }

  function answer(known: number): Answer {
    const now = index()
    return liveAnswer(`{"index":${now},"changed":${now !== known}}`)
  }

  function changed(): void {
    next.resolve()
    next = Promise.withResolvers()
  }

  return {
    wait,
    changed,
    close() {
      closed = true
      changed()
    },
  }
}

/** 0 if it was omitted: no real index is 0. */
function parseIndex(text: string): number | undefined {
  if (text === '') return 0
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined
}

function parseWait(text: string): number | undefined {
  if (text === '') return maxWaitMs
  try {
    const ms = parseDuration(text)
    return ms >= 0 ? Math.min(ms, maxWaitMs) : undefined
  } catch {
    return undefined
  }
}
