import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

/** How far records of a kind were passed on to a target. */
export type ForwardProgress = Row<'forwards'>
export type ForwardKey = Pick<ForwardProgress, 'name' | 'kind'>

export function readForwardProgress(reader: Reader): Promise<ForwardProgress[]> {
  return reader.selectFrom('forwards').selectAll().execute()
}

/** Of one that begins behind that position. */
export async function insertForward(
  tx: Tx,
  forward: ForwardKey & Pick<ForwardProgress, 'position'>,
): Promise<void> {
  await tx.insertInto('forwards').values(forward).execute()
}

export async function updateForward(tx: Tx, progress: ForwardProgress): Promise<void> {
  const { name, kind, ...values } = progress
  await tx
    .updateTable('forwards')
    .set(values)
    .where('name', '=', name)
    .where('kind', '=', kind)
    .execute()
}

export async function deleteForward(tx: Tx, { name, kind }: ForwardKey): Promise<void> {
  await tx.deleteFrom('forwards').where('name', '=', name).where('kind', '=', kind).execute()
}
