import { adminApi, type SigningKey } from '@plexd/protocol'
import type { Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { replaceSigningKey } from '../../rotation/signing-key.ts'
import { readShownKeys, type ShownSigningKey } from '../../rows/signing-keys.ts'
import { readDuration } from '../wire/durations.ts'
import { timestamp, timestampOrNull } from '../wire/timestamps.ts'

/** Oldest first. */
export const listSigningKeys = handle(adminApi.listSigningKeys, async (_call, { store }: State) => {
  const keys = await readShownKeys(store.reader)
  return { items: keys.map(signingKeyView) }
})

export const rotateSigningKey = handle(
  adminApi.rotateSigningKey,
  async ({ body }, app: State & Seals) => {
    const transitionMs = readDuration(body.transition_period ?? '24h', {
      field: 'transition_period',
      min: '1s',
      max: '720h',
    })
    return signingKeyView(await replaceSigningKey(app, transitionMs))
  },
)

export const rotateMasterKey = handle(adminApi.rotateMasterKey, async (_call, app: Seals) => {
  const sealed_again = await app.masterKeyRotation.run()
  return { key_id: app.masterKey.id(), sealed_again }
})

function signingKeyView(key: ShownSigningKey): SigningKey {
  return {
    id: key.id,
    public_key: key.public_key,
    state: key.state,
    created_at: timestamp(key.created_at),
    expires_at: timestampOrNull(key.expires_at),
  }
}
