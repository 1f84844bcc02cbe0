import type { Clock } from '@plexd/runtime'
import type { PeerChange } from '../backend/wg-interface.ts'
import { newlyReachable } from './first-handshake.ts'

/**
 * Finds peers that return to the interface. Such a peer may still use its previous session with us, which was deleted
 * with it: its packets are lost until it doubts the session after 15 seconds, or gets a handshake. So we start one.
 */
export interface ReturningPeers {
  /**
   * The re-added peers among these changes. `isMissed` says whether a key should
   * be there, because somebody else has removed it.
   */
  follow(changes: readonly PeerChange[], isMissed: (publicKey: string) => boolean): string[]
}

/** After a longer absence the peer has no session left, and no handshake in progress. */
const rememberedMs = 3_600_000

export function createReturningPeers(clock: Pick<Clock, 'monotonic'>): ReturningPeers {
  /** The removed peers in order of removal, with the time. */
  const goneAtMs = new Map<string, number>()

  function note({ type, public_key }: PeerChange): void {
    if (type === 'update') return
    goneAtMs.delete(public_key)
    if (type === 'remove') goneAtMs.set(public_key, clock.monotonic())
  }

  function forget(): void {
    for (const [key, atMs] of goneAtMs) {
      if (clock.monotonic() - atMs < rememberedMs) return
      goneAtMs.delete(key)
    }
  }

  return {
    follow(changes, isMissed) {
      forget()
      const returning = newlyReachable(changes).filter((key) => goneAtMs.has(key) || isMissed(key))
      for (const change of changes) note(change)
      return returning
    },
  }
}
