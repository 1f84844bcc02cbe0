import type { Clock } from '@plexd/runtime'
import type { PeerChange } from '../backend/wg-interface.ts'
import { newlyReachable } from './handshake-retries.ts'

/**
 * Finds the peers that come back to the interface. Such a peer may go on in the session that it had with us, which went
 * with it: whatever it sends is lost until it doubts that after 15 seconds, or hears of another. So it is spoken to.
 */
export interface ReturningPeers {
  /**
   * Of the peers that these changes add, those that have been there before. `isMissed` tells of a key that should be
   * there, when somebody else has removed it.
   */
  follow(changes: readonly PeerChange[], isMissed: (publicKey: string) => boolean): string[]
}

/** Who was away for longer has no session left, and no handshake that is under way. */
const rememberedMs = 3_600_000

export function createReturningPeers(clock: Pick<Clock, 'monotonic'>): ReturningPeers {
  /** Those that were removed, in this order, and when. */
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
