import { ApiError } from '@plexd/protocol'
import type { Limits } from '../../config/limits.ts'
import type { PutRecord, ReportChange } from './report-record.ts'
import type { ReportTable } from './report-table.ts'
import { createUsages, everyone, type Usage, usageOf } from './report-usage.ts'

export type ReportLimits = Pick<
  Limits,
  | 'local_report_keys'
  | 'local_report_bytes'
  | 'local_report_keys_per_user'
  | 'local_report_bytes_per_user'
>

/** Limits the usage of all writers together, and of each; entries on their way to the disk count. */
export interface ReportQuota {
  /**
   * Reserves what the entry needs beyond the last change of its key, until the returned function is called: then the
   * table has the entry, or never will. Throws an ApiError (507) at a limit.
   */
  take(entry: PutRecord, last: ReportChange | undefined): () => void
}

/** Not limited as a user: root can fill the disk anyway. */
const rootWriter = '0'

export function createReportQuota(table: ReportTable, limits: ReportLimits): ReportQuota {
  const pending = createUsages()

  function check(scope: string, growth: Usage): void {
    const taken = [table.usage(scope), pending.of(scope)]
    for (const unit of ['keys', 'bytes'] as const) {
      const limit = `local_report_${unit}${scope === everyone ? '' : '_per_user'}` as const
      const needed = taken.reduce((sum, usage) => sum + usage[unit], growth[unit])
      if (growth[unit] <= 0 || needed <= limits[limit]) continue
      throw new ApiError(
        'insufficient_storage',
        `no room for this report entry: ${describe(scope)} may have ${limits[limit]} ${unit} (limit ${limit}): delete entries first`,
      )
    }
  }

  return {
    take(entry, last) {
      const growths = growthsOf(entry, last)
      for (const [scope, growth] of growths) check(scope, growth)
      for (const [scope, growth] of growths) pending.add(scope, growth, 1)
      return () => {
        for (const [scope, growth] of growths) pending.add(scope, growth, -1)
      }
    },
  }
}

/** A writer who takes over a key of somebody else takes all of its usage. */
function growthsOf(entry: PutRecord, last: ReportChange | undefined): [string, Usage][] {
  const needed = usageOf(entry)
  const had = usageOf(last)
  const growth = { keys: needed.keys - had.keys, bytes: needed.bytes - had.bytes }
  const { writer } = entry
  if (writer === undefined || writer === rootWriter) return [[everyone, growth]]
  return [
    [everyone, growth],
    [writer, last?.writer === writer ? growth : needed],
  ]
}

function describe(scope: string): string {
  if (scope === everyone) return 'all writers together'
  return scope === 'tcp' ? 'those who come over TCP' : `user ${scope}`
}
