import { createSecretKey } from 'node:crypto'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { derivePskMaster, type PskMaster } from '../seal/psk.ts'
import { open, seal } from '../seal/seal.ts'
import type { Store } from '../store/db.ts'
import { readSetting, writeSetting } from './settings.ts'

/**
 * The key from which all pair PSKs are derived. It was derived from the first master key, and has been stored sealed since:
 * a new master key must not change every PSK of every mesh.
 */
export async function loadPskMaster(store: Store, masterKey: MasterKey): Promise<PskMaster> {
  const sealed = await readSetting(store.reader, 'psk_keys_sealed')
  if (sealed !== undefined) return decode(open(masterKey, sealed, placeOf.pskKeys()))
  const master = derivePskMaster(masterKey.current)
  await store.write((tx) =>
    writeSetting(tx, 'psk_keys_sealed', seal(masterKey, encode(master), placeOf.pskKeys())),
  )
  return master
}

function encode({ party, pair }: PskMaster): string {
  return [party, pair].map((key) => key.export().toString('base64')).join(' ')
}

function decode(text: string): PskMaster {
  const [party = '', pair = ''] = text.split(' ')
  const keyOf = (base64: string) => createSecretKey(Buffer.from(base64, 'base64'))
  return { party: keyOf(party), pair: keyOf(pair) }
}
