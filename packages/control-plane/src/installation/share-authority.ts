import { newId } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Change } from '../change.ts'
import type { Config } from '../config/config.ts'
import { insertAuthority, readAuthorities } from '../rows/authorities.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { seal } from '../seal/seal.ts'
import type { Reader } from '../store/db.ts'
import { makeAuthority } from '../tls/authority.ts'

interface Place {
  config: Pick<Config, 'databaseUrl' | 'insecureHttp' | 'tlsCertFile' | 'caKeyFile'>
  store: { reader: Reader }
  change: Change
  masterKey: MasterKey
  clock: Pick<Clock, 'now'>
}

/**
 * Where machines take turns to serve, the authority is in the database from the start, sealed, and not in a file of one of them: nodes
 * that trust it reach the next machine too. A key that the settings keep elsewhere stays there.
 */
export async function shareAuthority({
  config,
  store,
  change,
  masterKey,
  clock,
}: Place): Promise<void> {
  const { databaseUrl, insecureHttp, tlsCertFile, caKeyFile } = config
  if (databaseUrl === undefined || insecureHttp || tlsCertFile !== undefined) return
  if ((await readAuthorities(store.reader)).length > 0) return
  const { certificate, key } = await makeAuthority(clock.now(), caKeyFile)
  const id = newId('authority')
  await change((unit) =>
    insertAuthority(unit, {
      id,
      certificate,
      key_sealed: caKeyFile === undefined ? seal(masterKey, key, placeOf.authorityKey(id)) : null,
      endorsement: null,
      state: 'current',
      activated_at: null,
      created_at: unit.nowMs,
    }),
  )
}
