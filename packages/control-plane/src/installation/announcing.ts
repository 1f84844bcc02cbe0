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
  const current = () => parse(text)
  return {
    current,
    async signed() {
      const announcement = current()
      if (text === undefined || !announcement) return undefined
      const by = keyring.signingKeys().current
      if (signed?.by !== by || signed.of !== text) {
        const is = keyring
          .keyFor(Number.MAX_SAFE_INTEGER)
          .then((key) => signAnnouncement(announcement, key))
        signed = { by, of: text, is }
      }
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
  const before = parse(await readAnnouncement(unit.tx)) ?? {
    sequence: 0,
    urls: [],
    authorities: [],
  }
  // By the clock, so that it grows also after a restore of an older backup.
  const sequence = Math.max(before.sequence + 1, unit.nowMs)
  const next = { ...before, ...change, sequence }
  await putAnnouncement(unit, JSON.stringify(next))
  resyncAll(unit, 'the control plane has something to say of itself')
}

function parse(text: string | undefined): Announcement | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Announcement) // written above
}
