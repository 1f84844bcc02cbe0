import { type Clock, systemClock } from '../time/clock.ts'

/** A line of a log, with its time. */
export interface KeptLine {
  atMs: number
  text: string
}

/** The newest lines of a log, in memory. */
export interface KeptLines {
  add(text: string): void
  /** Oldest first. */
  list(): readonly KeptLine[]
}

/** Keeps as many of the newest lines as fit into both limits. */
export function createKeptLines({
  maxLines = 2_000,
  maxChars = 256 * 1024,
  clock = systemClock,
}: {
  maxLines?: number
  maxChars?: number
  clock?: Pick<Clock, 'now'>
} = {}): KeptLines {
  let lines: KeptLine[] = []
  let chars = 0

  /** Half at a time, because each time moves all lines that stay. */
  function forgetHalf(): void {
    lines = lines.slice(Math.ceil(lines.length / 2))
    chars = lines.reduce((sum, { text }) => sum + text.length, 0)
  }

  return {
    add(text) {
      lines.push({ atMs: clock.now(), text })
      chars += text.length
      while (lines.length > maxLines || chars > maxChars) forgetHalf()
    },
    list: () => lines,
  }
}
