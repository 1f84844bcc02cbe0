import { setTimeout as delay } from 'node:timers/promises'
import type { CloseReason, Session } from '@plexd/protocol'
import type { Admin } from '../../../command.ts'

/** A node reports the end of a session within this, or later, when it can. */
const reportMs = 2_000
const pauseMs = 100

/** Why a session has ended, as a sentence; undefined if it is open, or the control plane does not tell. */
export async function describeEnd(admin: Admin, session: string): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs <= reportMs; waitedMs += pauseMs) {
    const answer = await admin.getSession({ params: { session } }).catch(() => undefined)
    if (!answer) return undefined
    if (answer.body.state === 'closed') return endOf(answer.body)
    await delay(pauseMs)
  }
  return undefined
}

function endOf({ id, reason, detail }: Session): string {
  const why = reason === null ? '' : `: ${words[reason]}`
  return `session "${id}" has ended${why}${detail === '' ? '' : `: ${detail}`}`
}

const words: Readonly<Record<CloseReason, string>> = {
  revoked: 'it was revoked',
  expired: 'its time is up; --ttl sets how long one lasts',
  idle: 'nothing was sent for too long',
  shutdown: 'plexd has stopped or restarts there',
  error: 'it failed on the node',
  client_closed: 'the connection was closed',
  refused: 'the node refuses it',
  lost: 'the node has never reported its end',
}
