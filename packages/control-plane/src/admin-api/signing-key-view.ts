import type { SigningKey } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'
import { timestamp, timestampOrNull } from './timestamps.ts'

/** The public half. */
export function signingKeyView(
  row: Omit<Selectable<Tables['signing_keys']>, 'private_key_sealed' | 'since_seq'>,
): SigningKey {
  return {
    id: row.id,
    public_key: row.public_key,
    state: row.state,
    created_at: timestamp(row.created_at),
    expires_at: timestampOrNull(row.expires_at),
  }
}

export const signingKeyColumns = ['id', 'public_key', 'state', 'created_at', 'expires_at'] as const
