import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'

/** A run of the control plane, from the first event it wrote. */
export type Life = Row<'lives'>

/** Oldest first. */
export function readLives(reader: Reader): Promise<Life[]> {
  return reader.selectFrom('lives').selectAll().orderBy('first_seq').execute()
}

/** Does nothing if it is already stored. */
export async function noteLife(tx: Tx, life: Life): Promise<void> {
  await tx
    .insertInto('lives')
    .values(life)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}
