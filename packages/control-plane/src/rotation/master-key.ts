import { ApiError } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { Change } from '../change.ts'
import { sealAllAgain } from '../rows/sealed-texts.ts'
import type { KeptMasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import { NothingChanged } from '../store/nothing-changed.ts'

export interface MasterKeyRotation {
  /**
   * Creates a new master key and re-encrypts everything with it, or completes an interrupted rotation. Concurrent
   * calls share one run. Resolves to the number of re-encrypted texts, once the old key and
   * everything sealed with it are gone from the disk.
   */
  run(): Promise<number>
}

/** Reads and writes continue during a rotation: both keys open texts. */
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

/** A message for the operator: the disk is full, or neither key opens a named text. */
function fail(outcome: string, cause: unknown): never {
  // The store's "nothing has changed" holds only for its last unit of work.
  const reason = describeError(cause instanceof NothingChanged ? cause.reason : cause)
  throw new ApiError('unavailable', `${outcome}: ${reason}`, { cause, retryAfterSeconds: 30 })
}
