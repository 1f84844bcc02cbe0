import type { Heeded } from '@plexd/protocol'
import type { Reader, Tx } from '../store/db.ts'

export async function readHeeds(reader: Reader): Promise<[nodeId: string, heeded: Heeded][]> {
  const rows = await reader.selectFrom('node_heeds').select(['node_id', 'heeded']).execute()
  return rows.map(({ node_id, heeded }) => [node_id, JSON.parse(heeded) as Heeded]) // written below
}

export async function writeHeed(
  tx: Tx,
  { node_id, heeded, at }: { node_id: string; heeded: Heeded; at: number },
): Promise<void> {
  const values = { heeded: JSON.stringify(heeded), at }
  await tx
    .insertInto('node_heeds')
    .values({ node_id, ...values })
    .onConflict((conflict) => conflict.column('node_id').doUpdateSet(values))
    .execute()
}

export async function deleteHeed(tx: Tx, nodeId: string): Promise<void> {
  await tx.deleteFrom('node_heeds').where('node_id', '=', nodeId).execute()
}

/** Of nodes that were removed, and spoke once more meanwhile. */
export async function deleteHeedsOfGone(tx: Tx): Promise<void> {
  await tx
    .deleteFrom('node_heeds')
    .where('node_id', 'not in', (query) =>
      query.selectFrom('nodes').select('id').where('removed_at', 'is', null),
    )
    .execute()
}
