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

/** What was read cannot be put anywhere: that is no damage of where it was read. */
export class NotTaken extends Error {}

/** Reads from both ends up to what is damaged, and looks into the halves of what is between. Throws only what `put` does, as NotTaken. */
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
  } catch (error) {
    // The other end is read from its side.
    if (error instanceof NotTaken) throw error
  }
  try {
    for (const row of read(left, 'desc')) {
      put(row)
      left.to = row.salvaged_id - 1
    }
  } catch (error) {
    if (error instanceof NotTaken) throw error
    return left
  }
  return { from: 1, to: 0 }
}
