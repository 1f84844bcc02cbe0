import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newId } from '@plexd/protocol'
import { undefinedIfMissing } from '@plexd/runtime'
import { insertAuthority, putAuthorityKey, readAuthorities } from '../rows/authorities.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { seal } from '../seal/seal.ts'
import type { Tx } from '../store/db.ts'
import { caKeyPath, readCaKey } from '../tls/authority.ts'

export interface AuthorityPlace {
  dataDir: string
  /** Where the settings keep the key; it stays there then. */
  caKeyFile: string | undefined
}

/** What has become of the authority whose key was in a file. */
export interface TakenAuthority {
  /** `sealed`: its key is in the database now. `elsewhere`: it stays where it is kept. */
  key: 'sealed' | 'elsewhere'
  /** Of the key. */
  file: string
}

/**
 * Puts the authority of the data folder into the database, sealed: nodes trust it, and the next machine that serves has to show a
 * certificate of it. Undefined if it is there already, or there is none.
 */
export async function takeAuthority(
  tx: Tx,
  { masterKey, place, nowMs }: { masterKey: MasterKey; place: AuthorityPlace; nowMs: number },
): Promise<TakenAuthority | undefined> {
  const current = (await readAuthorities(tx)).find(({ state }) => state === 'current')
  if (current?.key_sealed) return undefined
  const certificate = current?.certificate ?? readCertificate(place)
  if (certificate === undefined) return undefined
  const id = current?.id ?? newId('authority')
  const key = place.caKeyFile === undefined ? keyOf(certificate, place) : undefined
  const key_sealed = key === undefined ? null : seal(masterKey, key, placeOf.authorityKey(id))
  if (!current)
    await insertAuthority(
      { tx },
      {
        ...{ id, certificate, key_sealed, endorsement: null, state: 'current' },
        ...{ activated_at: null, created_at: nowMs },
      },
    )
  else if (key_sealed !== null) await putAuthorityKey(tx, id, key_sealed)
  return { key: key === undefined ? 'elsewhere' : 'sealed', file: caKeyPath(given(place)) }
}

/** Undefined if it is kept elsewhere; one of another certificate would sign what no node trusts. */
function keyOf(certificate: string, place: AuthorityPlace): string | undefined {
  const key = readCaKey(given(place))
  if (key === undefined) return undefined
  if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return key
  throw new Error(
    `take over the authority: "${caKeyPath(given(place))}" is not the key of its certificate: put back the one that is, or move it away if it is kept elsewhere`,
  )
}

function given({ dataDir, caKeyFile }: AuthorityPlace) {
  return { dataDir, ...(caKeyFile === undefined ? {} : { caKeyFile }) }
}

/** In a data folder whose authority was never replaced, this file has that one alone. */
function readCertificate({ dataDir }: AuthorityPlace): string | undefined {
  try {
    return readFileSync(join(dataDir, 'ca.crt'), 'utf8')
  } catch (error) {
    return undefinedIfMissing(error)
  }
}
