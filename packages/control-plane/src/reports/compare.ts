import {
  digestOfReports,
  type ReportComparison,
  type ReportDifference,
  type ReportVersion,
} from '@plexd/protocol'

/** The differences between a node's stored reports and those it says it has. */
export async function compareReports(
  held: readonly ReportVersion[],
  { after, through, digest, entries }: ReportComparison,
): Promise<ReportDifference> {
  const there = held.filter(
    ({ key }) => (after === undefined || key > after) && (through === undefined || key <= through),
  )
  if (digest === (await digestOfReports(there))) return { same: true, missing: [], surplus: [] }
  if (!entries) return { same: false, missing: [], surplus: [] }
  const known = new Set(there.map(textOf))
  const named = new Set(entries.map(({ key }) => key))
  return {
    same: false,
    missing: entries.filter((entry) => !known.has(textOf(entry))).map(({ key }) => key),
    surplus: there.map(({ key }) => key).filter((key) => !named.has(key)),
  }
}

function textOf({ key, version, updated_at }: ReportVersion): string {
  return JSON.stringify([key, version, updated_at])
}
