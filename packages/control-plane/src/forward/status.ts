import type { ForwardStatus } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import type { ForwardSettings } from '../config/forwards.ts'
import type { ForwardStream } from './stream.ts'

/** What operators are shown of one kind of records of a forward. */
export function statusOf(
  { name, kind, url, tenant, selector }: ForwardSettings,
  stream: Pick<ForwardStream, 'progress' | 'waitingSinceMs'>,
  nowMs: number,
): ForwardStatus {
  const { kind: records, sent, refused, removed, sent_at, error, error_at } = stream.progress()
  const waitingSinceMs = stream.waitingSinceMs()
  const lagMs = waitingSinceMs === undefined ? 0 : Math.max(0, nowMs - waitingSinceMs)
  return {
    name,
    kind,
    url: withoutQuery(url),
    tenant: tenant ?? null,
    selector: selector ?? null,
    records: records as ForwardStatus['records'], // it was inserted as one
    sent,
    refused,
    removed,
    lag_seconds: Math.round(lagMs / 1_000),
    sent_at: isoTime(sent_at),
    error,
    error_at: isoTime(error_at),
  }
}

/** A key may be in it. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
