import { adminApi } from '@plexd/protocol'
import type { Delivery, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readShownKey } from '../../rows/signing-keys.ts'
import { readDuration } from '../wire/durations.ts'
import { signingKeyView } from './signing-key-view.ts'

export const rotateSigningKey = handle(
  adminApi.rotateSigningKey,
  async ({ body }, app: State & Delivery) => {
    const transitionMs = readDuration(body.transition_period ?? '24h', {
      field: 'transition_period',
      min: '1s',
      max: '720h',
    })
    const id = await app.keyring.rotate(app.change, transitionMs)
    return signingKeyView(await readShownKey(app.store.reader, id))
  },
)
