import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readShownKeys } from '../../rows/signing-keys.ts'
import { signingKeyView } from './signing-key-view.ts'

/** Oldest first. */
export const listSigningKeys = handle(adminApi.listSigningKeys, async (_call, { store }: State) => {
  const keys = await readShownKeys(store.reader)
  return { items: keys.map(signingKeyView) }
})
