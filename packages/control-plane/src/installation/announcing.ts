import { type Announcement, type SignedAnnouncement, signAnnouncement } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import { resyncAll } from '../changes/events.ts'
import type { Keyring } from '../events/keyring.ts'
import type { Follower } from '../log/log.ts'
import { putAnnouncement, readAnnouncement } from '../rows/authorities.ts'
import type { Reader } from '../store/db.ts'

/** What nodes are told of the control plane itself, with their state. */
export interface Announcing {
  /** Undefined before the first. */
  current(): Announcement | undefined
  signed(): Promise<SignedAnnouncement | undefined>
  follow: Follower
}

export async function openAnnouncing(reader: Reader, keyring: Keyring): Promise<Announcing> {
  let text = await readAnnouncement(reader)
  let signed: { by: string; of: string; is: Promise<SignedAnnouncement> } | undefined

  async function sign(stored: string): Promise<SignedAnnouncement> {
    return signAnnouncement(parse(stored), await keyring.keyFor(Number.MAX_SAFE_INTEGER))
  }

  return {
    current: () => (text === undefined ? undefined : parse(text)),
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
  const before = stored === undefined ? nothing : parse(stored)
  // By the clock, so that it grows also after a restore of an older backup.
  const sequence = Math.max(before.sequence + 1, unit.nowMs)
  const next = { ...before, ...change, sequence }
  await putAnnouncement(unit, JSON.stringify(next))
  resyncAll(unit, 'the control plane has something to say of itself')
}

const nothing: Announcement = { sequence: 0, urls: [], authorities: [] }

function parse(text: string): Announcement {
  return JSON.parse(text) as Announcement // written above
}
