import { controlApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { compareReports as compare } from '../../reports/compare.ts'
import { readReportMarks } from '../../rows/reports.ts'

/** A node calls this once per run of the control plane: after a restored backup, only the nodes know what was lost. */
export const compareReports = handle(
  controlApi.compareReports,
  async ({ principal, body }, app: State) => {
    return compare(await readReportMarks(app.store.reader, principal.id), body)
  },
)
