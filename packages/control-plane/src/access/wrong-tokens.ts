import { ApiError, type Auth } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { FastifyRequest } from 'fastify'
import type { AddressOf } from '../http/connections/client-address.ts'
import { sourceOf } from '../http/connections/source.ts'
import type { Limits } from '../limits.ts'

/**
 * Counts unknown tokens by source address and by the node in the path. It is consulted only after a token has proved
 * wrong: a valid one always passes, because thousands of nodes may share an address.
 */
export interface WrongTokens {
  /** The error for the caller: the given one, or, in place of a 401, an ApiError (429) after too many. */
  judge(error: unknown, auth: Auth | undefined, request: FastifyRequest): unknown
}

/** A token bucket; what is missing from it is counted as the time that refills it. */
interface Bucket {
  fullAtMs: number
  /** Wrong tokens since the bucket was last full. */
  wrong: number
  /** When it was last logged; undefined if not since then. */
  loggedMs: number | undefined
}

/** How often an ongoing attack is logged again. */
const logEachMs = 60_000

export function createWrongTokens(options: {
  limits: Limits
  clock: Pick<Clock, 'monotonic'>
  log: Log
  addressOf: AddressOf
  onWrong: (api: string, outcome: 'refused' | 'throttled') => void
}): WrongTokens {
  const { limits, clock, log, addressOf, onWrong } = options
  /** Least recently used first: strangers choose the keys, so the oldest is dropped whether it is full or not. */
  const buckets = new Map<string, Bucket>()

  function bucketOf(key: string): Bucket {
    const nowMs = clock.monotonic()
    const known = buckets.get(key)
    const full = { fullAtMs: nowMs, wrong: 0, loggedMs: undefined }
    const bucket = known && known.fullAtMs > nowMs ? known : full
    buckets.delete(key)
    buckets.set(key, bucket)
    const [oldest] = buckets.keys()
    if (buckets.size > limits.wrong_token_sources && oldest !== undefined) buckets.delete(oldest)
    return bucket
  }

  /** Seconds until the next attempt is allowed; 0 if this one was. */
  function take(bucket: Bucket): number {
    bucket.wrong++
    const missingMs = bucket.fullAtMs - clock.monotonic()
    const waitMs = missingMs - (limits.wrong_tokens - 1) * limits.wrong_token_refill_ms
    if (waitMs > 0) return Math.ceil(waitMs / 1_000)
    bucket.fullAtMs += limits.wrong_token_refill_ms
    return 0
  }

  function tell(bucket: Bucket, fields: Record<string, unknown>): void {
    const nowMs = clock.monotonic()
    if (bucket.loggedMs !== undefined && nowMs - bucket.loggedMs < logEachMs) return
    bucket.loggedMs = nowMs
    log.warn('too many wrong tokens', { ...fields, count: bucket.wrong })
  }

  return {
    judge(error, auth, request) {
      if (!(error instanceof ApiError) || error.status !== 401) return error
      const api = auth === 'operator' ? 'admin' : 'control'
      const source = sourceOf(addressOf(request.raw))
      const node_id = nodeIdOf(request)
      const own = [bucketOf(`source ${source}`), ...(node_id ? [bucketOf(`node ${node_id}`)] : [])]
      const over = own
        .map((bucket) => ({ bucket, seconds: take(bucket) }))
        .filter(({ seconds }) => seconds > 0)
      onWrong(api, over.length === 0 ? 'refused' : 'throttled')
      const [first] = over
      if (!first) return error
      tell(first.bucket, { source, api, ...(node_id ? { node_id } : {}) })
      return new ApiError(
        'too_many_requests',
        `${error.message}: there were too many wrong tokens (limit wrong_tokens)`,
        {
          retryAfterSeconds: Math.max(...over.map(({ seconds }) => seconds)),
        },
      )
    },
  }
}

/** Anything else in the path is not counted: it could be any number of different texts. */
function nodeIdOf({ params }: FastifyRequest): string | undefined {
  const { node_id = '' } = (params ?? {}) as { node_id?: string } // named so by the paths of the table
  return /^n_\w{1,64}$/.test(node_id) ? node_id : undefined
}
