import type { WgPeer } from './wg-interface.ts'

/**
 * Whether packets can go to the peer at this moment. WireGuard says by the clock of the machine when it shook hands: a
 * time that is yet to come is of before somebody set that back, and says nothing.
 */
export function hasSession(
  { handshake_at }: Pick<WgPeer, 'handshake_at'>,
  nowSeconds: number,
): boolean {
  return Math.abs(nowSeconds - handshake_at) < sessionSeconds
}

/** WireGuard shakes hands anew every two minutes while there is traffic, and ends a session after three. */
const sessionSeconds = 180
