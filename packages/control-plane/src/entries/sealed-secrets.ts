import { createSecretKey, type KeyObject } from 'node:crypto'
import { nskBytes } from '@plexd/protocol'
import type { Follower } from '../log/log.ts'
import { entriesOf } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { readEntries, type StoredEntry } from '../rows/entries.ts'
import { readNodeSeals } from '../rows/fleet/node-lookups.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { openNsk } from '../seal/node-secrets.ts'
import type { Reader } from '../store/db.ts'

/**
 * Caches what reading a secret needs: the values as stored, sealed, and the nodes' NSKs in clear, as the master key is
 * in the same memory anyway. Nodes read the same few secrets again and again, and a query takes
 * longer than everything else.
 */
export interface SealedSecrets {
  /** `forbidden` if the key exists, but only for other nodes. */
  find(node: NodeRecord, key: string): Promise<StoredEntry<'secret'> | 'forbidden' | undefined>
  /** The node's NSK; undefined if it was removed concurrently. */
  nskOf(node: NodeRecord): Promise<KeyObject | undefined>
  follow: Follower
}

const maxKeys = 10_000

export function createSealedSecrets(reader: Reader, masterKey: MasterKey): SealedSecrets {
  const byKey = new Map<string, readonly StoredEntry<'secret'>[]>()
  const nsks = new WeakMap<NodeRecord, KeyObject>()
  /** Counts changes of entries: the result of a query that began before a change is not cached. */
  let changed = 0

  async function rowsOf(tenantId: string, key: string): Promise<readonly StoredEntry<'secret'>[]> {
    const name = `${tenantId}/${key}`
    const known = byKey.get(name)
    if (known) return known
    const before = changed
    const rows = await readEntries(reader, 'secret', { tenantId, key })
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
      // The record may be older than the row.
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

/** The secret of a key that applies to the node; `forbidden` if all are for others. */
function secretFor(
  secrets: readonly StoredEntry<'secret'>[],
  node: Pick<NodeRecord, 'id' | 'labels'>,
): StoredEntry<'secret'> | 'forbidden' | undefined {
  const [secret] = entriesOf(secrets, node)
  return secret ?? (secrets.length > 0 ? 'forbidden' : undefined)
}
