import type { App } from '../app.ts'

const keepMs = 30 * 24 * 3_600_000
/** Rows deleted in one transaction. */
const chunk = 1_000

/** Drops executions that ended more than 30 days ago. When one ended is what its node says: it is asked for before that. */
export async function forgetExecutions({ store, clock }: App): Promise<void> {
  const beforeMs = clock.now() - keepMs
  for (;;) {
    const { numDeletedRows } = await store.write((tx) =>
      tx
        .deleteFrom('executions')
        .where('id', 'in', (query) =>
          query
            .selectFrom('executions')
            .select('id')
            .where('finished_at', '<', beforeMs)
            .where('created_at', '<', beforeMs)
            .limit(chunk),
        )
        .executeTakeFirst(),
    )
    if (numDeletedRows < chunk) return
  }
}
