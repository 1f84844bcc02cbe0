import { readAuthorities } from '../rows/authorities.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { open } from '../seal/seal.ts'
import type { Reader } from '../store/db.ts'
import type { Authorities } from '../tls/authority.ts'

/** The authorities that are committed; undefined before the first was prepared for replacement. */
export async function readServing(
  reader: Reader,
  masterKey: MasterKey,
): Promise<Authorities | undefined> {
  const stored = await readAuthorities(reader)
  const current = stored.find(({ state }) => state === 'current')
  if (!current) return undefined
  const { id, certificate, key_sealed } = current
  return {
    certificate,
    key: key_sealed === null ? undefined : open(masterKey, key_sealed, placeOf.authorityKey(id)),
    others: stored.filter((one) => one !== current).map((other) => other.certificate),
    endorsements: stored.flatMap(({ endorsement }) => endorsement ?? []),
  }
}
