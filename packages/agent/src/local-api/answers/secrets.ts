import { createDecipheriv } from 'node:crypto'
import { ApiError, EntryKey, nskBytes, type SealedSecret, validatorOf } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { Limits } from '../../config/limits.ts'
import { type Answer, errorAnswer, goJson, liveAnswer } from '../requests/answer.ts'
import { internalErrorAnswer } from './reports.ts'
import { notFoundAnswer } from './state.ts'

export interface SecretReaderOptions {
  /** Fetches from the control plane; rejects with its ApiError, or if there was no answer. */
  fetchSecret(key: string, signal: AbortSignal): Promise<SealedSecret>
  /** The node secret key as issued, read again for each secret. */
  nsk(): string
  log: Log
  timeoutMs?: number
  limits: Pick<Limits, 'secret_requests' | 'secret_requests_waiting'>
}

/** No secret has any other key. */
const entryKey = validatorOf(EntryKey)

const unavailableAnswer = errorAnswer(503, 'control plane unavailable')

/** Secrets are fetched from the control plane on each request, decrypted here, and never cached. */
export function createSecretReader(options: SecretReaderOptions) {
  const { log, nsk, timeoutMs = 10_000 } = options
  const limited = limit(options.limits)

  async function read(key: string): Promise<Answer> {
    if (!entryKey().Check(key)) return notFoundAnswer
    let sealed: SealedSecret
    const before = nsk()
    try {
      sealed = await limited(key, () =>
        inTime(timeoutMs, (signal) => options.fetchSecret(key, signal)),
      )
    } catch (error) {
      if (isNotOurs(error)) return notFoundAnswer
      log.warn('secret not fetched', { key, error: describeError(error) })
      return unavailableAnswer
    }
    try {
      if (sealed.key !== key) throw new Error('the answer is for another key')
      const { version } = sealed
      return liveAnswer(goJson({ key, value: openWith([nsk(), before], sealed), version }), {
        ETag: `"v${version}"`,
      })
    } catch (error) {
      log.error('secret not opened', { key, error: describeError(error) })
      return internalErrorAnswer
    }
  }

  return { read }
}

/**
 * A secret of other nodes counts as nonexistent, and so does an invalid key. A node that the control plane
 * no longer knows (401) gets no information about secrets, as if the control plane were unreachable.
 */
function isNotOurs(error: unknown): boolean {
  return error instanceof ApiError && [400, 403, 404].includes(error.status)
}

/** The secret may have been sealed before a key rotation and decrypted after it. */
function openWith([now, before]: readonly [string, string], sealed: SealedSecret): string {
  try {
    return open(sealed, now)
  } catch (error) {
    if (before === now) throw error
    return open(sealed, before)
  }
}

const tagBytes = 16

/** AES-256-GCM with the tag at the end of the ciphertext and no AAD. Throws if it was not sealed with this key. */
function open({ ciphertext, nonce }: SealedSecret, nsk: string): string {
  const sealed = Buffer.from(ciphertext, 'base64')
  if (sealed.length < tagBytes) throw new RangeError('the ciphertext is shorter than its tag')
  const iv = Buffer.from(nonce, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', nskBytes(nsk), iv, { authTagLength: tagBytes })
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  const plain = Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()])
  return plain.toString('utf8')
}

/** Rejects after the timeout even if `run` ignores its signal. */
async function inTime<T>(timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs)
  const { promise: late, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return Promise.race([run(signal), late])
}

/**
 * Runs a limited number at a time. Callers for one key share a run only while it is queued: one that has
 * started may return a value older than their request.
 */
function limit({
  secret_requests: maxRunning,
  secret_requests_waiting: maxWaiting,
}: SecretReaderOptions['limits']) {
  const waiting = new Map<string, { start: () => void; result: Promise<SealedSecret> }>()
  let running = 0

  async function start(run: () => Promise<SealedSecret>): Promise<SealedSecret> {
    running++
    try {
      return await run()
    } finally {
      running--
      const [next] = waiting
      if (next) {
        waiting.delete(next[0])
        next[1].start()
      }
    }
  }

  return (key: string, run: () => Promise<SealedSecret>): Promise<SealedSecret> => {
    if (running < maxRunning) return start(run)
    const queued = waiting.get(key)
    if (queued) return queued.result
    if (waiting.size >= maxWaiting)
      return Promise.reject(
        new ApiError(
          'unavailable',
          `${maxWaiting} others are waited for (limit secret_requests_waiting): ask again later`,
        ),
      )
    const turn = Promise.withResolvers<void>()
    const result = turn.promise.then(() => start(run))
    waiting.set(key, { start: turn.resolve, result })
    return result
  }
}
