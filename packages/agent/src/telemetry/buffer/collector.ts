import type { SourceStatus } from '@plexd/protocol'

/** How far a source has been read: the value is the source's own affair, as an offset or a cursor of the journal. */
export interface SourceCursor {
  /** Unique within the kind, the same after a restart: a path, `journald`. */
  source: string
  /** Empty: the source is forgotten. */
  value: string
}

/** Where what has been read of a kind is handed over: metrics, log records or audit records. */
export interface Collector<Entry> {
  /**
   * Resolves when all of them are on the disk with the cursor, in one write: after a crash both are there, or neither. Who awaits
   * it before reading on is held back while the disk is behind, and loses nothing; who does not may lose the oldest of what is
   * not on the disk yet, which is counted. An entry that is no JSON, or too large, becomes a gap. Rejects with the reason of the
   * end when the buffer is closed.
   */
  append(entries: readonly Entry[], cursor?: SourceCursor): Promise<void>
  /** What the collector itself had to let go, and why: told as a gap in the place where it is called. */
  lost(count: number, reason: string): Promise<void>
  /** The cursor of what is on the disk; undefined for a source that is not known. */
  cursor(source: string): string | undefined
  /** Those with a cursor. */
  sources(): string[]
}

/** A running source of records, or several; disposing resolves when it appends nothing more. */
export interface Collecting extends AsyncDisposable {
  sources(): readonly SourceStatus[]
}
