import { controlApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { compareReports as compare } from '../reports/compare.ts'

/** A node asks once for each run of the control plane: behind a restored backup nobody else knows what was lost. */
export const compareReports = handle(
  controlApi.compareReports,
  async ({ principal, body }, app) => {
    const held = await app.store.reader
      .selectFrom('reports')
      .select(['key', 'version', 'updated_at'])
      .where('node_id', '=', principal.id)
      .execute()
    return compare(held, body)
  },
)
