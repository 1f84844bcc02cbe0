import type { webcrypto } from 'node:crypto'
import {
  ApiError,
  formatDuration,
  newId,
  type SigningKeys,
  signEvent,
  type UnsignedEvent,
} from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Change, Unit } from '../change.ts'
import {
  insertCurrentKey,
  readKeyIn,
  readTransitionEnd,
  replaceCurrentKey,
  retirePreviousKey,
} from '../rows/signing-keys.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { open, seal } from '../seal/seal.ts'
import type { Store, Tx } from '../store/db.ts'

/** The keys that sign events: the current one and, for a transition period, the previous one. */
export interface Keyring {
  /** In the form in which nodes get them, in their state and in events. */
  signingKeys(): SigningKeys
  /**
   * The text of the envelope. A node that does not know the current key yet must be able to verify the events logged
   * before that key, and its announcement: these are signed with the previous key while it is valid.
   */
  sign(event: UnsignedEvent, seq: number): Promise<string>
  /** Resolves to the id of the new key; 409 during a transition. */
  rotate(change: Change, transitionMs: number): Promise<string>
  /** If the previous key has expired, tells the nodes. */
  dropExpired(change: Change): Promise<void>
}

interface KeyPair {
  id: string
  publicKey: string
  privateKey: CryptoKey
  sinceSeq: number
  expiresAt: number
}

/** Loads the keys, and creates the first one. Private keys are sealed in the database. */
export async function openKeyring(options: {
  store: Store
  masterKey: MasterKey
  clock: Clock
}): Promise<Keyring> {
  const { store, masterKey, clock } = options
  let current = await readKey(store, masterKey, 'current')
  if (!current) {
    const first = await newKey()
    await store.write((tx) => insertKey(tx, masterKey, first, clock.now()))
    current = first.pair
  }
  let previous = await readKey(store, masterKey, 'previous')
  let now = current

  const signingKeys = (): SigningKeys => ({
    current: now.publicKey,
    previous: previous?.publicKey ?? null,
    transition_expires: previous ? new Date(previous.expiresAt).toISOString() : null,
  })

  return {
    signingKeys,
    sign(event, seq) {
      const old = previous && clock.now() < previous.expiresAt && seq <= now.sinceSeq
      return signEvent(event, (old ? (previous ?? now) : now).privateKey)
    },

    async rotate(change, transitionMs) {
      const next = await newKey()
      const old = await change(async (unit) => {
        await refuseSecondTransition(unit)
        const old = { ...now, expiresAt: unit.nowMs + transitionMs }
        await replaceCurrentKey(unit.tx, old.expiresAt)
        const told = unit.emit({
          type: 'signing_key_rotated',
          to: unit.fleet.allNodes(),
          payload: rotationPayload(next.pair.publicKey, old, unit.nowMs),
        })
        next.pair.sinceSeq = told?.seq ?? 0
        await insertKey(unit.tx, masterKey, next, unit.nowMs)
        return old
      })
      now = next.pair
      previous = old
      return next.pair.id
    },

    async dropExpired(change) {
      if (!previous || clock.now() < previous.expiresAt) return
      await change(async (unit) => {
        await retirePreviousKey(unit.tx)
        unit.emit({
          type: 'signing_key_rotated',
          to: unit.fleet.allNodes(),
          payload: rotationPayload(now.publicKey, undefined, unit.nowMs),
        })
      })
      previous = undefined
    },
  }
}

/** The union of the specification's fields and those the Go agent reads (wire contract 3.7). */
function rotationPayload(current: string, previous: KeyPair | undefined, nowMs: number) {
  const expiresAt = previous?.expiresAt
  return {
    current,
    previous: previous?.publicKey ?? null,
    transition_expires: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    new_signing_public_key: current,
    valid_from: new Date(nowMs).toISOString(),
    transition_period: formatDuration(expiresAt === undefined ? 0 : expiresAt - nowMs),
  }
}

async function refuseSecondTransition({ tx, nowMs }: Unit): Promise<void> {
  const endMs = await readTransitionEnd(tx, nowMs)
  if (endMs === undefined) return
  const end = new Date(endMs).toISOString()
  throw new ApiError('conflict', `a signing key is being replaced: its transition ends at ${end}`)
}

interface NewKey {
  pair: KeyPair
  privateText: string
}

async function newKey(): Promise<NewKey> {
  // generateKey's type covers all algorithms; for this one it returns a pair.
  const pair = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const [publicBytes, privateBytes] = await Promise.all([
    crypto.subtle.exportKey('raw', pair.publicKey),
    crypto.subtle.exportKey('pkcs8', pair.privateKey),
  ])
  return {
    pair: {
      id: newId('signing_key'),
      publicKey: new Uint8Array(publicBytes).toBase64(),
      privateKey: pair.privateKey,
      sinceSeq: 0,
      expiresAt: 0,
    },
    privateText: new Uint8Array(privateBytes).toBase64(),
  }
}

async function insertKey(
  tx: Tx,
  masterKey: MasterKey,
  { pair, privateText }: NewKey,
  nowMs: number,
): Promise<void> {
  await insertCurrentKey(tx, {
    id: pair.id,
    public_key: pair.publicKey,
    private_key_sealed: seal(masterKey, privateText, placeOf.signingKey(pair.id)),
    since_seq: pair.sinceSeq,
    created_at: nowMs,
  })
}

async function readKey(
  store: Store,
  masterKey: MasterKey,
  state: 'current' | 'previous',
): Promise<KeyPair | undefined> {
  const row = await readKeyIn(store.reader, state)
  if (!row) return undefined
  const privateText = open(masterKey, row.private_key_sealed, placeOf.signingKey(row.id))
  return {
    id: row.id,
    publicKey: row.public_key,
    privateKey: await crypto.subtle.importKey(
      'pkcs8',
      Uint8Array.fromBase64(privateText),
      'Ed25519',
      false,
      ['sign'],
    ),
    sinceSeq: row.since_seq,
    expiresAt: row.expires_at ?? 0,
  }
}
