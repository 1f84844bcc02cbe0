import { ApiError, formatDuration } from '@plexd/protocol'
import type { Change, Unit } from '../change.ts'
import {
  readSigningKeys,
  replaceCurrentKey,
  retirePreviousKey,
  type StoredSigningKey,
} from '../rows/signing-keys.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { newSigningKey } from '../seal/signing-key.ts'

/** Makes a new key the current one and tells the nodes. Throws an ApiError (409) during a transition. */
export async function replaceSigningKey(
  { change, masterKey }: { change: Change; masterKey: MasterKey },
  transitionMs: number,
): Promise<StoredSigningKey> {
  return change(async (unit) => {
    const [old, previous] = await readSigningKeys(unit.tx)
    if (previous && isValid(previous, unit.nowMs)) throw inTransition(previous)
    // Sealed in the unit that stores it: a rotation of the master key in between would miss it, and nothing could open it.
    const next = await newSigningKey(masterKey)
    const expires_at = unit.nowMs + transitionMs
    const told = emitKeys(unit, next.public_key, old && { ...old, expires_at })
    const key = { ...next, since_seq: told?.seq ?? 0, created_at: unit.nowMs }
    return replaceCurrentKey(unit, key, expires_at)
  })
}

/** Tells the nodes that the previous key has expired, if it has. */
export async function dropExpiredKey(unit: Unit): Promise<void> {
  const [, previous] = await readSigningKeys(unit.tx)
  if (!previous || isValid(previous, unit.nowMs)) return
  const current = await retirePreviousKey(unit)
  emitKeys(unit, current.public_key, undefined)
}

function isValid({ expires_at }: StoredSigningKey, nowMs: number): boolean {
  return nowMs < (expires_at ?? 0)
}

function inTransition({ expires_at }: StoredSigningKey): ApiError {
  const end = new Date(expires_at ?? 0).toISOString()
  return new ApiError('conflict', `a signing key is being replaced: its transition ends at ${end}`)
}

/** The union of the specification's fields and those the Go agent reads (wire contract 3.7). */
function emitKeys(unit: Unit, current: string, previous: StoredSigningKey | undefined) {
  const expiresAt = previous?.expires_at ?? undefined
  const payload = {
    current,
    previous: previous?.public_key ?? null,
    transition_expires: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    new_signing_public_key: current,
    valid_from: new Date(unit.nowMs).toISOString(),
    transition_period: formatDuration(expiresAt === undefined ? 0 : expiresAt - unit.nowMs),
  }
  return unit.emit({ type: 'signing_key_rotated', to: unit.fleet.allNodes(), payload })
}
