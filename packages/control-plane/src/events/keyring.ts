import { type SigningKeys, signEvent, type UnsignedEvent } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Follower } from '../log/log.ts'
import { insertCurrentKey, readSigningKeys, type StoredSigningKey } from '../rows/signing-keys.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { newSigningKey, openSigningKey } from '../seal/signing-key.ts'
import type { Store } from '../store/db.ts'

/** The keys that sign events: the current one and, for a transition period, the previous one. */
export interface Keyring {
  /** In the form in which nodes get them, in their state and in events. */
  signingKeys(): SigningKeys
  /** The text of the envelope. */
  sign(event: UnsignedEvent, seq: number): Promise<string>
  /**
   * The private key that signs what was logged at a sequence. A node that does not know the current key yet must be able to
   * verify the events logged before that key, and its announcement: these are signed with the previous key while it is valid.
   */
  keyFor(seq: number): Promise<CryptoKey>
  /** Whether the previous key is no longer valid, and nodes have yet to be told. */
  hasExpired(): boolean
  follow: Follower
}

interface Key extends StoredSigningKey {
  privateKey: Promise<CryptoKey>
}

/** Loads the keys, and creates the first one. Private keys are sealed in the database. */
export async function openKeyring(options: {
  store: Store
  masterKey: MasterKey
  clock: Clock
}): Promise<Keyring> {
  const { store, masterKey, clock } = options
  if ((await readSigningKeys(store.reader)).length === 0) {
    const first = { ...(await newSigningKey(masterKey)), since_seq: 0, created_at: clock.now() }
    await store.write((tx) => insertCurrentKey(tx, first))
  }
  const keysOf = (rows: readonly StoredSigningKey[]) =>
    rows.map((row): Key => ({ ...row, privateKey: openSigningKey(masterKey, row) }))
  let keys = keysOf(await readSigningKeys(store.reader))
  await Promise.all(keys.map(({ privateKey }) => privateKey))

  const current = (): Key => {
    const [key] = keys
    if (!key) throw new Error('sign: there is no current signing key')
    return key
  }
  const keyFor = (seq: number): Promise<CryptoKey> => {
    const [, previous] = keys
    const isOld = previous && !isPast(previous) && seq <= current().since_seq
    return (isOld ? previous : current()).privateKey
  }
  const isPast = (key: Key): boolean => clock.now() >= (key.expires_at ?? 0)
  return {
    signingKeys() {
      const [, previous] = keys
      return {
        current: current().public_key,
        previous: previous?.public_key ?? null,
        transition_expires: previous ? new Date(previous.expires_at ?? 0).toISOString() : null,
      }
    },
    sign: async (event, seq) => signEvent(event, await keyFor(seq)),
    keyFor,
    hasExpired: () => keys[1] !== undefined && isPast(keys[1]),
    follow({ changes }) {
      for (const change of changes)
        if (change.type === 'signing_keys_put') keys = keysOf(change.keys)
    },
  }
}
