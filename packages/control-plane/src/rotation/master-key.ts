import { ApiError } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { Change } from '../change.ts'
import { sealAllAgain } from '../rows/sealed-texts.ts'
import type { KeptMasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import { NothingChanged } from '../store/nothing-changed.ts'

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
  change: Change
  masterKey: KeptMasterKey
  log: Log
}): MasterKeyRotation {
  const { store, change, masterKey, log } = deps
  let running: Promise<number> | undefined

  async function rotate(): Promise<number> {
    await masterKey.replace().catch((cause: unknown) => fail('nothing was changed', cause))
    try {
      const sealedAgain = await sealAllAgain(change, masterKey)
      await store.scrub()
      await masterKey.forgetPrevious()
      log.info('master key replaced', { key_id: masterKey.id(), sealed_again: sealedAgain })
      return sealedAgain
    } catch (cause) {
      fail(
        'the new master key is in use, but the old one still needed; it goes on by itself',
        cause,
      )
    }
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

/** In words for the operator: a disk that is full, or the name of a text that neither key opens. */
function fail(outcome: string, cause: unknown): never {
  // What the store says of its last unit of work is not true of all.
  const reason = describeError(cause instanceof NothingChanged ? cause.reason : cause)
  throw new ApiError('unavailable', `${outcome}: ${reason}`, { cause, retryAfterSeconds: 30 })
}
