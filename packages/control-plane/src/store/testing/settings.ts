import type { Store, Tx } from '../db.ts'

/** A unit of work that writes a setting. */
export function put(store: Store, name: string): Promise<void> {
  return store.write((tx) => insert(tx, name))
}

export async function insert(tx: Tx, name: string, bytes = 1): Promise<void> {
  await tx
    .insertInto('settings')
    .values({ name, value: 'x'.repeat(bytes) })
    .execute()
}

/** Of those that were written. */
export async function names({ reader }: Pick<Store, 'reader'>): Promise<string[]> {
  const rows = await reader
    .selectFrom('settings')
    .select('name')
    .where('name', '!=', 'schema_by') // the program's own
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}
