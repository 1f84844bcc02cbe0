import { type Static, Type } from 'typebox'
import { EntryKey, WholeNumber } from '../schemas/scalars.ts'

/** What identifies an entry among the versions of its key. */
export const ReportVersion = Type.Object({
  key: EntryKey,
  version: WholeNumber,
  updated_at: Type.String(),
})
export type ReportVersion = Static<typeof ReportVersion>

/**
 * Our extension: the node's reports, either all keys or those after `after` up to `through`, in the order
 * of UTF-16 code units. First only the digest; entry by entry if it differs.
 */
export const ReportComparison = Type.Object({
  after: Type.Optional(EntryKey),
  through: Type.Optional(EntryKey),
  digest: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'See digestOfReports' }),
  entries: Type.Optional(Type.Array(ReportVersion)),
})
export type ReportComparison = Static<typeof ReportComparison>

export const ReportDifference = Type.Object({
  same: Type.Boolean(),
  missing: Type.Array(Type.String(), {
    description: 'Keys of entries that the control plane has not, or not as they are on the node',
  }),
  surplus: Type.Array(Type.String(), {
    description: 'Keys that the control plane has and the node did not name',
  }),
})
export type ReportDifference = Static<typeof ReportDifference>

/** SHA-256 of `[[key,version,updated_at],...]` as compact JSON, sorted by key; hexadecimal. */
export async function digestOfReports(entries: readonly ReportVersion[]): Promise<string> {
  const sorted = entries.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const text = JSON.stringify(
    sorted.map(({ key, version, updated_at }) => [key, version, updated_at]),
  )
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return new Uint8Array(hash).toHex()
}
