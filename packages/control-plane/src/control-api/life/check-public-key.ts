import { ApiError, isUsablePublicKey } from '@plexd/protocol'

/**
 * Throws an ApiError (400) for a well-formed key that WireGuard would not accept for a peer: a point of low
 * order, such as 32 zeros.
 */
export function checkPublicKey(field: string, key: string): void {
  if (isUsablePublicKey(key)) return
  throw new ApiError(
    'bad_request',
    `${field} "${key}": it is a point of low order, which WireGuard makes no secret with: make a key with "wg genkey"`,
  )
}
