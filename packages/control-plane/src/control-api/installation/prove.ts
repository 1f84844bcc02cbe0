import { controlApi, proveInstallation as prove } from '@plexd/protocol'
import type { Delivery, Environment, Installation } from '../../app.ts'
import { handle } from '../../handle.ts'

/** Anybody may ask; only who knows our key learns something. */
export const proveInstallation = handle(
  controlApi.proveInstallation,
  async ({ query }, { keyring, announcing, life }: Delivery & Installation & Environment) => {
    const { challenge } = query
    const announcement = await announcing.signed()
    return {
      ...(await prove({ challenge, life }, await keyring.keyFor(Number.MAX_SAFE_INTEGER))),
      ...(announcement ? { announcement } : {}),
    }
  },
)
