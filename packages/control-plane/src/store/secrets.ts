import type { Selectable } from 'kysely'
import { entriesOf } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader } from './db.ts'
import type { Tables } from './schema.ts'

export type SecretRow = Selectable<Tables['secrets']>

/** The secrets of a key, whomever they are for. */
export function readSecretsOf(reader: Reader, tenantId: string, key: string): Promise<SecretRow[]> {
  return reader
    .selectFrom('secrets')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .execute()
}

/** The one among the secrets of a key that is meant for the node; `forbidden` when all are for others. */
export function secretFor(
  rows: readonly SecretRow[],
  node: Pick<NodeRecord, 'id' | 'labels'>,
): SecretRow | 'forbidden' | undefined {
  const [secret] = entriesOf(rows, node)
  return secret ?? (rows.length > 0 ? 'forbidden' : undefined)
}
