import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { signingKeyColumns, signingKeyView } from './signing-key-view.ts'

/** Oldest first. */
export const listSigningKeys = handle(adminApi.listSigningKeys, async (_call, { store }) => {
  const rows = await store.reader
    .selectFrom('signing_keys')
    .select(signingKeyColumns)
    .orderBy('created_at')
    .execute()
  return { items: rows.map(signingKeyView) }
})
