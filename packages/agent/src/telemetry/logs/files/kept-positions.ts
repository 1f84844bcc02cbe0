import type { Collector } from '../../buffer/collector.ts'
import { orAborted } from '../records/or-aborted.ts'
import { noPrint, type Position, parsePosition } from './position.ts'

/** How far files have been read, kept beside their records. All but reading rejects once the signal is aborted. */
export interface KeptPositions {
  of(id: string): Position | undefined
  all(): { id: string; position: Position }[]
  keep(id: string, position: Position): Promise<void>
  forget(id: string): Promise<void>
  /** Milliseconds since 1970 from which on files of that name are read; undefined if never before, and now it is `nowMs`. */
  since(pattern: string, nowMs: number): Promise<number | undefined>
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
  const append = (source: string, value: string): Promise<void> =>
    orAborted(collector.append([], { source, value }), signal)

  return {
    of: (id) => parsePosition(collector.cursor(id)),
    all: () =>
      collector.sources().flatMap((id) => {
        const position = id.startsWith('file:') ? parsePosition(collector.cursor(id)) : undefined
        return position ? [{ id, position }] : []
      }),
    keep: (id, position) => append(id, JSON.stringify(position)),
    forget: (id) => append(id, ''),
    async since(pattern, nowMs) {
      const source = `pattern:${pattern}`
      const since = collector.cursor(source)
      if (since !== undefined) return Number(since)
      await append(source, String(nowMs))
      return undefined
    },
  }
}
