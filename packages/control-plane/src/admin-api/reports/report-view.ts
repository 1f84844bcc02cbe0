import type { StoredReport } from '../../rows/reports.ts'

/** A report entry as its node wrote it, as JSON text. */
export function reportJson(report: StoredReport): string {
  const { key, content_type, payload, version, updated_at, written_by } = report
  const rest = { version, updated_at, ...(written_by === null ? {} : { written_by }) }
  const head = JSON.stringify({ key, content_type }).slice(0, -1)
  return `${head},"payload":${payload},${JSON.stringify(rest).slice(1)}`
}
