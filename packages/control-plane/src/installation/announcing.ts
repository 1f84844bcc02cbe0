import { type Announcement, type SignedAnnouncement, signAnnouncement } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Unit } from '../change.ts'
import { resyncAll } from '../changes/events.ts'
import type { Keyring } from '../events/keyring.ts'
import type { Follower } from '../log/log.ts'
import { putAnnouncement, readAnnouncement, readAuthorities } from '../rows/authorities.ts'
import { readHeeds } from '../rows/node-heeds.ts'
import type { Reader } from '../store/db.ts'
import { type Announced, nextSequence } from './sequence.ts'

/** What nodes are told of the control plane itself, with their state. */
export interface Announcing {
  /** Undefined before the first. */
  current(): Announcement | undefined
  signed(): Promise<SignedAnnouncement | undefined>
  follow: Follower
}

/** The last announcement, and our time. */
export function lastAnnounced({
  announcing,
  clock,
}: {
  announcing: Pick<Announcing, 'current'>
  clock: Pick<Clock, 'now'>
}): Announced {
  return { sequence: announcing.current()?.sequence ?? 0, nowMs: clock.now() }
}

export async function openAnnouncing(reader: Reader, keyring: Keyring): Promise<Announcing> {
  let text = await readAnnouncement(reader)
  let signed: { by: string; of: string; is: Promise<SignedAnnouncement> } | undefined

  async function sign(stored: string): Promise<SignedAnnouncement> {
    return signAnnouncement(
      parseAnnouncement(stored),
      await keyring.keyFor(Number.MAX_SAFE_INTEGER),
    )
  }

  return {
    current: () => (text === undefined ? undefined : parseAnnouncement(text)),
    async signed() {
      if (text === undefined) return undefined
      const by = keyring.signingKeys().current
      // With each pull of a state, so only once for each text and key.
      if (signed?.by !== by || signed.of !== text) signed = { by, of: text, is: sign(text) }
      return await signed.is
    },
    follow({ changes }) {
      for (const change of changes) if (change.type === 'announcement_put') text = change.text
    },
  }
}

/** Tells all nodes, of all tenants, something else than before. */
export async function announce(
  unit: Unit,
  change: Partial<Omit<Announcement, 'sequence'>>,
): Promise<void> {
  const stored = await readAnnouncement(unit.tx)
  const before = stored === undefined ? nothing : parseAnnouncement(stored)
  const heeded = (await readHeeds(unit.tx)).map(([, { announcement }]) => announcement)
  const sequence = nextSequence(before.sequence, { heeded, nowMs: unit.nowMs })
  const next = { ...before, ...change, sequence }
  await putAnnouncement(unit, JSON.stringify(next))
  resyncAll(unit, 'the control plane has something to say of itself')
}

const nothing: Announcement = { sequence: 0, urls: [], authorities: [] }

/** Whom nodes are told to trust, in PEM. Of ours none while they are not in use: then nodes trust whom they do anyway. */
export async function authoritiesToTell(reader: Reader, isOurs: boolean): Promise<string[]> {
  if (!isOurs) return []
  return (await readAuthorities(reader)).map(({ certificate }) => certificate)
}

export async function announceAuthorities(unit: Unit, isOurs: boolean): Promise<void> {
  await announce(unit, { authorities: await authoritiesToTell(unit.tx, isOurs) })
}

/** As it is stored. */
export function parseAnnouncement(text: string): Announcement {
  return JSON.parse(text) as Announcement // written above
}
