import type { Transaction } from 'kysely'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { sealAgain } from '../seal/seal.ts'
import type { Tx } from '../store/db.ts'
import type { Row, Tables } from '../store/schema.ts'
import { readSetting, writeSetting } from './settings.ts'
import type { RowUnit } from './unit.ts'

type SealedColumn<Table extends keyof Tables> = Extract<keyof Tables[Table], `${string}_sealed`>

/** Every column with sealed texts, and their seal context. */
const columns: {
  [Table in keyof Tables as SealedColumn<Table> extends never ? never : Table]: {
    [Column in SealedColumn<Table>]: (row: Row<Table>) => string
  }
} = {
  secrets: { value_sealed: placeOf.secret },
  nodes: {
    nsk_sealed: ({ id }) => placeOf.nsk(id),
    next_secrets_sealed: ({ id }) => placeOf.nextSecrets(id),
  },
  bootstrap_tokens: { answer_sealed: ({ id }) => placeOf.registrationAnswer(id) },
  recordings: { key_sealed: ({ id }) => placeOf.recordingKey(id) },
  alert_webhooks: { secret_sealed: ({ id }) => placeOf.webhookSecret(id) },
  authorities: { key_sealed: ({ id }) => placeOf.authorityKey(id) },
  signing_keys: { private_key_sealed: ({ id }) => placeOf.signingKey(id) },
}

/** Texts per unit of work, so that others get their turn in between. */
const rowsAtOnce = 100

/**
 * Re-encrypts with the current key everything sealed with the previous one. Texts sealed meanwhile use the
 * current key anyway. Resolves to the number of re-encrypted texts, all durable; may be repeated after a failure.
 */
export async function sealAllAgain(
  change: <T>(work: (unit: RowUnit) => Promise<T>) => Promise<T>,
  masterKey: MasterKey,
): Promise<number> {
  let count = await change(({ tx }) => sealSettingAgain(tx, masterKey))
  for (const [table, places] of Object.entries(columns)) {
    let after: string | undefined = ''
    while (after !== undefined) {
      const from: string = after
      const done = await change((unit) => sealRowsAgain(unit, masterKey, { table, places, from }))
      count += done.count
      after = done.last
    }
  }
  return count
}

/** The columns read from a table; the seal context needs more of them. */
interface SealedRow {
  id: string
  tenant_id?: string
  [column: `${string}_sealed`]: string | null
}

/** The next rows of a table in order of their ids; `last` is undefined at the end. */
async function sealRowsAgain(
  unit: RowUnit,
  masterKey: MasterKey,
  { table, places, from }: { table: string; places: object; from: string },
): Promise<{ count: number; last: string | undefined }> {
  const anyTable = unit.tx as unknown as Transaction<Record<string, SealedRow>> // those above all have these columns
  const rows = await anyTable
    .selectFrom(table)
    .selectAll()
    .where('id', '>', from)
    .orderBy('id')
    .limit(rowsAtOnce)
    .execute()
  let count = 0
  for (const row of rows) {
    const changes = Object.fromEntries(
      Object.entries(places).flatMap(([column, placeIn]) => {
        const sealed = row[column as `${string}_sealed`]
        const again = sealed && sealAgain(masterKey, sealed, placeIn(row))
        return again ? [[column, again]] : []
      }),
    )
    const changed = Object.keys(changes).length
    if (changed === 0) continue
    await anyTable.updateTable(table).set(changes).where('id', '=', row.id).execute()
    count += changed
    if (table === 'secrets') unit.apply({ type: 'entries_changed', tenant_id: row.tenant_id ?? '' })
  }
  return { count, last: rows.length < rowsAtOnce ? undefined : rows.at(-1)?.id }
}

async function sealSettingAgain(tx: Tx, masterKey: MasterKey): Promise<number> {
  const sealed = await readSetting(tx, 'psk_keys_sealed')
  const again = sealed && sealAgain(masterKey, sealed, placeOf.pskKeys())
  if (!again) return 0
  await writeSetting(tx, 'psk_keys_sealed', again)
  return 1
}
