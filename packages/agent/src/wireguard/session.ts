import type { WgPeer } from './wg-interface.ts'

/** Whether packets can go to the peer at this moment. */
export function hasSession(
  { handshake_at }: Pick<WgPeer, 'handshake_at'>,
  nowSeconds: number,
): boolean {
  return nowSeconds - handshake_at < sessionSeconds
}

/** WireGuard shakes hands anew every two minutes while there is traffic, and ends a session after three. */
const sessionSeconds = 180
