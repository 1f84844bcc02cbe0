import { createSecretKey, type KeyObject } from 'node:crypto'
import { nskBytes } from '@plexd/protocol'
import type { Follower } from '../log/log.ts'
import { entriesOf } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { readNodeSeals } from '../rows/fleet/node-lookups.ts'
import { readSecretsOf, type StoredSecret } from '../rows/secrets.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { openNsk } from '../seal/node-secrets.ts'
import type { Reader } from '../store/db.ts'

/**
 * What a read of a secret needs, kept in memory: values as they are in the database, sealed, and the keys of nodes
 * open, as the master key is in the same memory. Nodes ask for the same few secrets again and again, and a query takes
 * longer than all the rest.
 */
export interface SealedSecrets {
  /** `forbidden` when there is one of that key, but only for others. */
  find(node: NodeRecord, key: string): Promise<StoredSecret | 'forbidden' | undefined>
  /** The node's NSK; undefined when it was removed in this very moment. */
  nskOf(node: NodeRecord): Promise<KeyObject | undefined>
  follow: Follower
}

const maxKeys = 10_000

export function createSealedSecrets(reader: Reader, masterKey: MasterKey): SealedSecrets {
  const byKey = new Map<string, readonly StoredSecret[]>()
  const nsks = new WeakMap<NodeRecord, KeyObject>()
  /** How often entries have changed: what was read before they did is not kept. */
  let changed = 0

  async function rowsOf(tenantId: string, key: string): Promise<readonly StoredSecret[]> {
    const name = `${tenantId}/${key}`
    const known = byKey.get(name)
    if (known) return known
    const before = changed
    const rows = await readSecretsOf(reader, tenantId, key)
    if (changed === before && byKey.size < maxKeys) byKey.set(name, rows)
    return rows
  }

  return {
    find: async (node, key) => secretFor(await rowsOf(node.tenant_id, key), node),
    async nskOf(node) {
      const known = nsks.get(node)
      if (known !== undefined) return known
      const seals = await readNodeSeals(reader, node.id)
      if (!seals) return undefined
      const nsk = createSecretKey(nskBytes(openNsk(masterKey, node.id, seals.nsk_sealed)))
      // The record may be from before the row has changed.
      if (seals.nsk_hash === node.nsk_hash) nsks.set(node, nsk)
      return nsk
    },
    follow({ changes }) {
      if (!changes.some(({ type }) => type === 'entries_changed')) return
      changed++
      byKey.clear()
    },
  }
}

/** The one among the secrets of a key that is meant for the node; `forbidden` when all are for others. */
function secretFor(
  secrets: readonly StoredSecret[],
  node: Pick<NodeRecord, 'id' | 'labels'>,
): StoredSecret | 'forbidden' | undefined {
  const [secret] = entriesOf(secrets, node)
  return secret ?? (secrets.length > 0 ? 'forbidden' : undefined)
}
