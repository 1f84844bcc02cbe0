import { orAborted } from '@plexd/runtime'
import type { Collector } from '../../buffer/collector.ts'
import { noPrint, type Position, parsePosition } from './position.ts'

/** How far files have been read, kept beside their records. What was changed counts at once, and is on the disk when `settled` resolves. */
export interface KeptPositions {
  of(id: string): Position | undefined
  all(): { id: string; position: Position }[]
  keep(id: string, position: Position): void
  forget(id: string): void
  /** Milliseconds since 1970 from which on files of that name are read; undefined if never before, and now it is `nowMs`. */
  since(pattern: string, nowMs: number): number | undefined
  /** Rejects once the signal is aborted. Many changes share a write. */
  settled(): Promise<void>
}

/** Of a copy that a rotation has made: nothing of it is read. */
export const copyPosition: Position = {
  path: '',
  offset: 0,
  skip: '',
  print: noPrint,
  isCopy: true,
}

export function keepPositions(
  collector: Pick<Collector<unknown>, 'append' | 'cursor' | 'sources'>,
  signal: AbortSignal,
): KeptPositions {
  /** By source, what is on its way to the disk. */
  const changed = new Map<string, string>()
  let writes: Promise<void>[] = []

  function append(source: string, value: string): void {
    changed.set(source, value)
    const write = collector.append([], { source, value }).then(() => {
      if (changed.get(source) === value) changed.delete(source)
    })
    // Whoever waits for `settled` gets the reason.
    write.catch(() => {})
    writes.push(write)
  }

  const cursorOf = (source: string): string | undefined =>
    changed.get(source) ?? collector.cursor(source)

  return {
    of: (id) => parsePosition(cursorOf(id)),
    all: () =>
      collector.sources().flatMap((id) => {
        const position = id.startsWith('file:') ? parsePosition(cursorOf(id)) : undefined
        return position ? [{ id, position }] : []
      }),
    keep: (id, position) => append(id, JSON.stringify(position)),
    forget: (id) => append(id, ''),
    since(pattern, nowMs) {
      const source = `pattern:${pattern}`
      const since = cursorOf(source)
      if (since !== undefined) return Number(since)
      append(source, String(nowMs))
      return undefined
    },
    async settled() {
      const waited = writes
      writes = []
      await orAborted(Promise.all(waited), signal)
    },
  }
}
