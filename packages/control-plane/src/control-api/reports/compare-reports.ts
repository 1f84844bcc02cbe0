import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { compareReports as compare } from '../../reports/compare.ts'
import { readReportMarks } from '../../rows/reports.ts'

/** A node asks once for each run of the control plane: behind a restored backup nobody else knows what was lost. */
export const compareReports = handle(
  controlApi.compareReports,
  async ({ principal, body }, app) => {
    return compare(await readReportMarks(app.store.reader, principal.id), body)
  },
)
