import type { App } from '../app.ts'

/** Ends executions whose node never said, or never said in time, what became of them. */
export async function expireExecutions({ store, clock, executions }: App): Promise<void> {
  const nowMs = clock.now()
  const overdue = await store.reader
    .selectFrom('executions')
    .select('id')
    .where('status', 'in', ['pending', 'accepted'])
    .where('deadline_at', '<=', nowMs)
    .limit(500)
    .execute()
  if (overdue.length === 0) return
  const expired = await store.write((tx) =>
    tx
      .updateTable('executions')
      .set({ status: 'expired', finished_at: nowMs })
      .where(
        'id',
        'in',
        overdue.map(({ id }) => id),
      )
      // A result may have come since.
      .where('status', 'in', ['pending', 'accepted'])
      .returning('id')
      .execute(),
  )
  for (const { id } of expired) executions.changed(id)
}
