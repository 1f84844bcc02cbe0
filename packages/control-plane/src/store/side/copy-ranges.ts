export type Row = Record<string, unknown>

/** Reads the rows from one id to another, both included; throws where it meets damage. */
export type ReadRange = (
  range: Range,
  order: 'asc' | 'desc',
) => Iterable<Row & { salvaged_id: number }>
interface Range {
  from: number
  to: number
}

/** Each takes some tenths of a millisecond. */
const maxRanges = 50_000
/** How often a range is halved in which nothing was found: a part of it that is smaller may be overlooked. */
const maxBarren = 10

/** Reads from both ends up to what is damaged, and looks into the halves of what is between. */
export function copyRanges(read: ReadRange, put: (row: Row) => void): void {
  const open = [{ from: 0, to: 2 ** 50, barren: 0 }]
  for (let count = 0; count < maxRanges; count++) {
    const range = open.pop()
    if (!range) return
    const { from, to } = readEnds(range, read, put)
    const isSmaller = from > range.from || to < range.to
    const barren = isSmaller ? 0 : range.barren + 1
    if (from > to || barren > maxBarren) continue
    const middle = Math.floor((from + to) / 2)
    open.push({ from: middle + 1, to, barren }, { from, to: middle, barren })
  }
}

/** What is left between the ends; nothing if all could be read. */
function readEnds(range: Range, read: ReadRange, put: (row: Row) => void): Range {
  const left = { ...range }
  try {
    for (const row of read(left, 'asc')) {
      put(row)
      left.from = row.salvaged_id + 1
    }
    return { from: 1, to: 0 }
  } catch {
    // The other end is read from its side.
  }
  try {
    for (const row of read(left, 'desc')) {
      put(row)
      left.to = row.salvaged_id - 1
    }
  } catch {
    return left
  }
  return { from: 1, to: 0 }
}
