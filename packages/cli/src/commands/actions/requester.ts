import type { TriggeredBy } from '@plexd/protocol'

/** Who asked for something to be run. */
export function requesterOf({ type, email, user_name, user_id }: TriggeredBy): string {
  const name = email || user_name
  return [type, name, name && user_id ? `(${user_id})` : user_id].filter(Boolean).join(' ')
}
