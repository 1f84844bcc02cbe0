import { ApiError } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { KeptMasterKey } from './seal/master-key.ts'
import type { Store } from './store/db.ts'
import type { SealedSecrets } from './store/sealed-secrets.ts'
import { sealAllAgain } from './store/sealed-texts.ts'

export interface MasterKeyRotation {
  /**
   * Makes a new master key and seals everything under it, or finishes what a crash or a full disk has interrupted. Who
   * calls while it runs gets its outcome. Resolves to the number of texts that were sealed again, once the old key and
   * all that was sealed under it are gone from the disk.
   */
  run(): Promise<number>
}

/** Nothing waits for a rotation: texts under both keys open while it runs. */
export function createMasterKeyRotation(deps: {
  store: Store
  masterKey: KeptMasterKey
  sealedSecrets: SealedSecrets
  log: Log
}): MasterKeyRotation {
  const { store, masterKey, sealedSecrets, log } = deps
  let running: Promise<number> | undefined

  async function rotate(): Promise<number> {
    await masterKey.replace()
    const sealedAgain = await sealAllAgain(store, masterKey).catch(rethrow)
    sealedSecrets.forget()
    await store.scrub()

    await masterKey.forgetPrevious()
    log.info('master key replaced', { key_id: masterKey.id(), sealed_again: sealedAgain })
    return sealedAgain
  }

  return {
    run() {
      running ??= rotate().finally(() => {
        running = undefined
      })
      return running
    },
  }
}

/** That nothing was changed is true of the last unit of work only. */
function rethrow(error: unknown): never {
  if (!(error instanceof ApiError)) throw error
  const reason = error.message.replace('nothing was changed: ', '')
  throw new ApiError(
    'unavailable',
    `the new master key is in use, but not for all yet: ${reason}: it goes on by itself`,
    { cause: error, retryAfterSeconds: 30 },
  )
}
