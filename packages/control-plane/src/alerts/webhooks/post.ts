import { errorOf, type TransportResponse } from '@plexd/protocol'
import { createHttpTransport, describeError, wishedWaitMs } from '@plexd/runtime'
import { version } from '../../version.ts'
import { signedHeaders } from './signature.ts'
import { secretsAt, type WebhookTarget } from './target.ts'

export interface Outgoing {
  /** The same each time it is sent. */
  id: string
  body: string
}

/** How it went. A message that is `refused` would be refused again. */
export type PostOutcome =
  | { is: 'delivered' }
  | { is: 'retry'; error: string; waitMs: number | undefined }
  | { is: 'refused'; error: string }

const timeoutMs = 10_000
/** Nobody reads the answer. */
const maxResponseBytes = 64 * 1024

/** Sends a message once. Redirects are not followed, and nobody is shown more of the answer than its status. */
export async function postMessage(
  target: WebhookTarget,
  { id, body }: Outgoing,
  { nowMs, signal }: { nowMs: number; signal?: AbortSignal | undefined },
): Promise<PostOutcome> {
  const { origin, pathname, search } = new URL(target.url)
  const userAgent = `plexd-control-plane/${version}`
  using send = createHttpTransport({ baseUrl: origin, userAgent, timeoutMs, maxResponseBytes })
  try {
    const answer = await send({
      method: 'POST',
      path: pathname + search,
      headers: {
        'content-type': 'application/json',
        ...signedHeaders(secretsAt(target, nowMs), { id, body, nowMs }),
      },
      body,
      ...(signal ? { signal } : {}),
    })
    return judgeAnswer(answer)
  } catch (error) {
    return { is: 'retry', error: describeError(error), waitMs: undefined }
  }
}

function judgeAnswer(answer: TransportResponse): PostOutcome {
  const { status } = answer
  if (status >= 200 && status < 300) return { is: 'delivered' }
  const error = `it answered ${status}`
  if (status >= 500 || status === 429 || status === 408)
    return { is: 'retry', error, waitMs: wishedWaitMs(errorOf(answer), maxWaitMs) }
  const isRedirect = status >= 300 && status < 400
  return { is: 'refused', error: isRedirect ? `${error}: redirects are not followed` : error }
}

/** However long the receiver asks us to wait. */
export const maxWaitMs = 60 * 60_000
