import type { Clock, Log } from '@plexd/runtime'
import type { Change } from '../change.ts'
import { readAnnouncement } from '../rows/authorities.ts'
import { readHeeds } from '../rows/node-heeds.ts'
import type { Reader } from '../store/db.ts'
import { announceAuthorities, authoritiesToTell, parseAnnouncement } from './announcing.ts'
import { type Announced, isInReach, whyAhead } from './sequence.ts'

interface Place {
  change: Change
  store: { reader: Reader }
  clock: Pick<Clock, 'now'>
  log: Log
  /** Why no authority of ours is in use; undefined if one is. */
  noAuthority(): string | undefined
}

/**
 * Announces what is so now, if nodes know something else: authorities of ours that are in use again, or no longer as the certificate
 * is one of the settings; and all of it, if nodes heed later announcements than any that we know of, from before a restore.
 */
export async function settleAnnouncement(place: Place): Promise<void> {
  const { change, store, log } = place
  const isOurs = place.noAuthority() === undefined
  const outranked = await tellOfAhead(place)
  if (!outranked && !(await isOther(store.reader, isOurs))) return
  await change((unit) => announceAuthorities(unit, isOurs))
  log.info('nodes are told of the control plane anew', {
    because: outranked ? 'they heed what was announced before a restore' : becauseOf(place),
  })
}

function becauseOf({ noAuthority }: Place): string {
  return noAuthority() ?? 'its own authority is in use again'
}

/** Whether the last announcement names other authorities than it would now. */
async function isOther(reader: Reader, isOurs: boolean): Promise<boolean> {
  const text = await readAnnouncement(reader)
  if (text === undefined) return false
  const wanted = await authoritiesToTell(reader, isOurs)
  return new Set(wanted).symmetricDifference(new Set(parseAnnouncement(text).authorities)).size > 0
}

/** Whether there are nodes that can be told only anew. Those that cannot be told at all are a matter for the log. */
async function tellOfAhead({ store, clock, log }: Place): Promise<boolean> {
  const text = await readAnnouncement(store.reader)
  const sequence = text === undefined ? 0 : parseAnnouncement(text).sequence
  const last: Announced = { sequence, nowMs: clock.now() }
  const ahead = (await readHeeds(store.reader)).filter(
    ([, { announcement }]) => whyAhead(announcement, last) !== undefined,
  )
  for (const [node_id, { announcement }] of ahead.slice(0, maxNamed))
    log.warn('node heeds a later announcement than ours', {
      node_id,
      why: whyAhead(announcement, last),
    })
  return ahead.some(([, { announcement }]) => isInReach(announcement, last.nowMs))
}

const maxNamed = 10
