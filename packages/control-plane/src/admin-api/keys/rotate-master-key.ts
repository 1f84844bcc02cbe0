import { adminApi } from '@plexd/protocol'
import type { Seals } from '../../app.ts'
import { handle } from '../../handle.ts'

export const rotateMasterKey = handle(adminApi.rotateMasterKey, async (_call, app: Seals) => {
  const sealed_again = await app.masterKeyRotation.run()
  return { key_id: app.masterKey.id(), sealed_again }
})
