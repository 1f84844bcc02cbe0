import type { Log } from '@plexd/runtime'
import type { Change } from '../change.ts'
import { createSealedSecrets } from '../entries/sealed-secrets.ts'
import { loadPskMaster } from '../rows/psk-keys.ts'
import type { KeptMasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import { createMasterKeyRotation } from './master-key.ts'

/** The keys of the installation; no one else may open a sealed text. */
export async function openSeals(deps: {
  store: Store
  change: Change
  masterKey: KeptMasterKey
  log: Log
}) {
  const { store, masterKey } = deps
  return {
    /** Seals the nodes' secrets at rest. */
    masterKey,
    masterKeyRotation: createMasterKeyRotation(deps),
    sealedSecrets: createSealedSecrets(store.reader, masterKey),
    /** The key that `pairPsk` derives from. */
    pskMaster: await loadPskMaster(store, masterKey),
  }
}
