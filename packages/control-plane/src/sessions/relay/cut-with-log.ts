import { relayEnds } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import type { Follower } from '../../log/log.ts'
import type { SessionInLog } from '../../rows/unit.ts'
import type { Relay } from './relay.ts'

/** Of a close frame (RFC 6455, section 5.5.1). */
const maxReasonBytes = 123

/**
 * Cuts the relays of sessions that we end: also for a node that is removed, or an operator whose token is revoked. Of one that its node
 * has ended only those who wait are told: the node closes its side behind the last of what it sent, which may be still under way.
 */
export function cutWithLog(relay: Pick<Relay, 'cut' | 'dismiss'>): Follower {
  function end({ id, reason, detail }: SessionInLog): void {
    const said = detail === '' ? undefined : { reason: cutUtf8(detail, maxReasonBytes) }
    if (reason === 'revoked') relay.cut(id, { ...relayEnds.revoked, ...said })
    else if (reason === 'expired') relay.cut(id, relayEnds.expired)
    else if (reason === 'lost') relay.cut(id, relayEnds.ended)
    else relay.dismiss(id, { ...relayEnds.ended, reason: `the session has ended: ${reason}` })
  }

  return ({ changes }) => {
    for (const change of changes)
      if (change.type === 'session_put' && change.session.state === 'closed') end(change.session)
  }
}
