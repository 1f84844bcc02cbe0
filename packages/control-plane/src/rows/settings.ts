import type { Reader, Tx } from '../store/db.ts'

/** Values of the installation, one row each. */
export type SettingName =
  | 'announcement'
  | 'epoch'
  | 'events_pruned_through'
  | 'first_tenant'
  | 'psk_keys_sealed'

export async function readSetting(reader: Reader, name: SettingName): Promise<string | undefined> {
  const row = await reader
    .selectFrom('settings')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.value
}

export async function writeSetting(tx: Tx, name: SettingName, value: string): Promise<void> {
  await tx
    .insertInto('settings')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}
