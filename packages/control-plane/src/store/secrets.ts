import type { Selectable } from 'kysely'
import { entriesOf } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader } from './db.ts'
import type { Tables } from './schema.ts'

export type SecretRow = Selectable<Tables['secrets']>

/** The secret of a key that is meant for the node; `forbidden` when there is one, but only for others. */
export async function readSecretFor(
  reader: Reader,
  node: Pick<NodeRecord, 'id' | 'tenant_id' | 'metadata'>,
  key: string,
): Promise<SecretRow | 'forbidden' | undefined> {
  const rows = await reader
    .selectFrom('secrets')
    .selectAll()
    .where('tenant_id', '=', node.tenant_id)
    .where('key', '=', key)
    .execute()
  const [secret] = entriesOf(rows, node)
  return secret ?? (rows.length > 0 ? 'forbidden' : undefined)
}

/** What a value is sealed for: a sealed value moved to another key, target or tenant opens no more. */
export function secretContext({
  tenant_id,
  key,
  target,
}: Pick<SecretRow, 'tenant_id' | 'key' | 'target'>): string {
  return `secret:${JSON.stringify([tenant_id, key, target])}`
}
