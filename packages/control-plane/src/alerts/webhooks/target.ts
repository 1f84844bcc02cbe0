import { ApiError } from '@plexd/protocol'
import type { MasterKey } from '../../seal/master-key.ts'
import { placeOf } from '../../seal/places.ts'
import { open, seal } from '../../seal/seal.ts'

/** Where a webhook is, and what signs for it; kept sealed, because many a URL is a secret itself. */
export interface WebhookTarget {
  url: string
  secret: string
  /** The secret before, which signs as well until then. */
  previous?: { secret: string; untilMs: number }
}

/** Pure. The secret before `previous` does not sign any more, however long it was to. */
export function withNewSecret(
  { url, secret: before }: WebhookTarget,
  secret: string,
  untilMs: number,
): WebhookTarget {
  return { url, secret, previous: { secret: before, untilMs } }
}

/** Those that sign at a time, the newest first. */
export function secretsAt({ secret, previous }: WebhookTarget, nowMs: number): string[] {
  return previous && nowMs < previous.untilMs ? [secret, previous.secret] : [secret]
}

/**
 * The URL of a webhook. Any host is allowed, also one of our own network: an operator may know the receiver as 10.0.0.7, and is shown no
 * more of its answer than the status. Throws an ApiError (400).
 */
export function checkWebhookUrl(text: string, { allowHttp }: { allowHttp: boolean }): URL {
  const url = URL.parse(text)
  const refuse = (why: string) => new ApiError('bad_request', `url of the webhook: ${why}`)
  if (!url) throw refuse('want a URL such as "https://alerts.example.com/plexd"')
  if (url.protocol === 'http:' && !allowHttp)
    throw refuse(
      'want https://, or allow_http (--allow-http) if anybody on the way may read the alerts',
    )
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refuse(`"${url.protocol}" is not supported: want https://`)
  if (url.username !== '' || url.password !== '')
    throw refuse('user and password are not sent: the signature shows who we are')
  return url
}

export function sealTarget(masterKey: MasterKey, id: string, target: WebhookTarget): string {
  return seal(masterKey, JSON.stringify(target), placeOf.webhookSecret(id))
}

export function openTarget(
  masterKey: MasterKey,
  { id, secret_sealed }: { id: string; secret_sealed: string },
): WebhookTarget {
  return JSON.parse(open(masterKey, secret_sealed, placeOf.webhookSecret(id))) as WebhookTarget // sealed above
}
