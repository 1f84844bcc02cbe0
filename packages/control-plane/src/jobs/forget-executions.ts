import type { App } from '../app.ts'

const keepMs = 30 * 24 * 3_600_000
/** Rows deleted in one transaction. */
const chunk = 1_000

/** Drops executions that ended more than 30 days ago. */
export async function forgetExecutions({ store, clock }: App): Promise<void> {
  for (;;) {
    const { numDeletedRows } = await store.write((tx) =>
      tx
        .deleteFrom('executions')
        .where('id', 'in', (query) =>
          query
            .selectFrom('executions')
            .select('id')
            .where('finished_at', '<', clock.now() - keepMs)
            .limit(chunk),
        )
        .executeTakeFirst(),
    )
    if (numDeletedRows < chunk) return
  }
}
