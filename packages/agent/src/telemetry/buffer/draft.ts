/** A line of NDJSON, or why there is none in its place. */
export type DraftLine = string | { reason: string }

/** What was handed over together and is on no disk yet, so that it has no positions. */
export type Draft = RecordDraft | GapDraft

interface Common {
  atMs: number
  /** An empty one forgets the source. */
  cursors: Record<string, string>
}

export interface RecordDraft extends Common {
  lines: DraftLine[]
  rawBytes: number
}

/** So many were dropped. */
export interface GapDraft extends Common {
  lines?: never
  lost: number
  reason: string
}

export function countOf(draft: Draft): number {
  return draft.lines ? draft.lines.length : draft.lost
}

/** The line of an entry. One that cannot be written spoils none of the others. Pure. */
export function lineOf(entry: unknown, maxBytes: number): DraftLine {
  try {
    const line: string | undefined = JSON.stringify(entry)
    if (line === undefined) return { reason: 'it cannot be written as JSON' }
    return Buffer.byteLength(line) > maxBytes ? { reason: `it is over ${maxBytes} bytes` } : line
  } catch {
    return { reason: 'it cannot be written as JSON' }
  }
}

/** Unpacked; what stands in the place of one that cannot be written is about as long. */
export function bytesOf(line: DraftLine): number {
  return typeof line === 'string' ? Buffer.byteLength(line) + 1 : 256
}

/** What it takes in memory, so that many short ones are bounded too. */
export function memoryOf(draft: Draft): number {
  return draft.lines ? draft.rawBytes + 64 * draft.lines.length : 0
}

/** Both as one gap. Pure. */
export function gapOver(first: Draft | undefined, second: Draft, reason: string): GapDraft {
  const lost = (first ? countOf(first) : 0) + countOf(second)
  const cursors = { ...first?.cursors, ...second.cursors }
  return { atMs: (first ?? second).atMs, cursors, lost, reason }
}
