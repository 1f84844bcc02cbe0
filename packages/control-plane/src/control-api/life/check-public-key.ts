import { ApiError, isUsablePublicKey } from '@plexd/protocol'

/**
 * Throws an ApiError (400) for a WireGuard key that has the form of one and that no peer could be given: a point of low
 * order, such as 32 zeros.
 */
export function checkPublicKey(field: string, key: string): void {
  if (isUsablePublicKey(key)) return
  throw new ApiError(
    'bad_request',
    `${field} "${key}": it is a point of low order, which WireGuard makes no secret with: make a key with "wg genkey"`,
  )
}
