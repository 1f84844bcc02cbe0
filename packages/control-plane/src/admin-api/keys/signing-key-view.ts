import type { SigningKey } from '@plexd/protocol'
import type { ShownSigningKey } from '../../rows/signing-keys.ts'
import { timestamp, timestampOrNull } from '../wire/timestamps.ts'

export function signingKeyView(key: ShownSigningKey): SigningKey {
  return {
    id: key.id,
    public_key: key.public_key,
    state: key.state,
    created_at: timestamp(key.created_at),
    expires_at: timestampOrNull(key.expires_at),
  }
}
