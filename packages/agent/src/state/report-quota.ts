import { ApiError } from '@plexd/protocol'
import type { Limits } from '../config/limits.ts'
import type { PutRecord, ReportRecord } from './report-record.ts'
import { type ReportTable, roomOf, type Usage } from './report-table.ts'

export type ReportLimits = Pick<
  Limits,
  | 'local_report_keys'
  | 'local_report_bytes'
  | 'local_report_keys_per_user'
  | 'local_report_bytes_per_user'
>

/** Of all room for reports, and of that of one writer, what is taken; what is on its way to the disk included. */
export interface ReportQuota {
  /**
   * Takes the room that the entry needs beyond what its key has, until the function that this gives is called: then the
   * table has the entry, or nobody will. Throws the 507 where there is not so much.
   */
  take(entry: PutRecord, last: ReportRecord | undefined): () => void
}

/** He can fill the disk anyway. */
const rootWriter = '0'

export function createReportQuota(table: ReportTable, limits: ReportLimits): ReportQuota {
  const pending = new Map<string | undefined, Usage>()

  function scopesOf(entry: PutRecord, last: ReportRecord | undefined): Scope[] {
    const { writer } = entry
    const needed = roomOf(entry)
    const had = roomOf(last)
    const ofAll = { used: table.usage(), growth: minus(needed, had), ...limitsOfAll(limits) }
    if (writer === undefined || writer === rootWriter) return [ofAll]
    const isOwn = last !== undefined && 'writer' in last && last.writer === writer
    const growth = isOwn ? ofAll.growth : needed
    return [ofAll, { writer, used: table.usageOf(writer), growth, ...limitsOfOne(limits) }]
  }

  function add({ writer, growth }: Scope, sign: 1 | -1): void {
    const before = pending.get(writer) ?? none
    const now = {
      keys: before.keys + sign * growth.keys,
      bytes: before.bytes + sign * growth.bytes,
    }
    if (now.keys === 0 && now.bytes === 0) pending.delete(writer)
    else pending.set(writer, now)
  }

  return {
    take(entry, last) {
      const scopes = scopesOf(entry, last)
      for (const scope of scopes) check(scope, pending.get(scope.writer) ?? none)
      for (const scope of scopes) add(scope, 1)
      return () => {
        for (const scope of scopes) add(scope, -1)
      }
    },
  }
}

/** Room that an entry takes part of: that of all, or that of one writer. */
interface Scope {
  writer?: string
  used: Usage
  growth: Usage
  keys: Bound
  bytes: Bound
}

interface Bound {
  most: number
  name: keyof ReportLimits
}

function limitsOfAll(limits: ReportLimits): Pick<Scope, 'keys' | 'bytes'> {
  return {
    keys: { most: limits.local_report_keys, name: 'local_report_keys' },
    bytes: { most: limits.local_report_bytes, name: 'local_report_bytes' },
  }
}

function limitsOfOne(limits: ReportLimits): Pick<Scope, 'keys' | 'bytes'> {
  return {
    keys: { most: limits.local_report_keys_per_user, name: 'local_report_keys_per_user' },
    bytes: { most: limits.local_report_bytes_per_user, name: 'local_report_bytes_per_user' },
  }
}

function check({ writer, used, growth, ...bounds }: Scope, pending: Usage): void {
  for (const unit of ['keys', 'bytes'] as const) {
    const { most, name } = bounds[unit]
    if (growth[unit] <= 0 || used[unit] + pending[unit] + growth[unit] <= most) continue
    throw new ApiError(
      'insufficient_storage',
      `no room for this report entry: ${describeWriter(writer)} may have ${most} ${unit} (limit ${name}): delete entries first`,
    )
  }
}

function describeWriter(writer: string | undefined): string {
  if (writer === undefined) return 'all writers together'
  return writer === 'tcp' ? 'those who come over TCP' : `user ${writer}`
}

const none: Usage = { keys: 0, bytes: 0 }

function minus(a: Usage, b: Usage): Usage {
  return { keys: a.keys - b.keys, bytes: a.bytes - b.bytes }
}
