import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Collector } from '../../buffer/collector.ts'
import { KeptSerials } from '../events/serials.ts'

/** How far the events of this machine were read, whichever way they came. It is kept in the cursor of that way. */
const Progress = Type.Object({
  /** Of the boot in which it is true. */
  boot: Type.String(),
  atMs: Type.Number(),
  serials: Type.Optional(KeptSerials),
  /** Lines of events that were not over: they are before the cursor and in no record. */
  open: Type.Array(Type.String()),
  /** The cursor of the way itself. */
  cursor: Type.String(),
})
export type Progress = Static<typeof Progress>

/** What the latest of the ways has left, and which it was, if it was in this boot. */
export function latestProgress(
  collector: Pick<Collector<unknown>, 'cursor' | 'sources'>,
  boot: string,
): { source: string; progress: Progress } | undefined {
  return collector
    .sources()
    .flatMap((source) => {
      const progress = parseProgress(collector.cursor(source))
      return progress?.boot === boot ? [{ source, progress }] : []
    })
    .sort((a, b) => b.progress.atMs - a.progress.atMs)
    .at(0)
}

/** Undefined for a cursor without one. */
function parseProgress(value: string | undefined): Progress | undefined {
  try {
    const parsed: unknown = JSON.parse(value ?? '')
    return Value.Check(Progress, parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The same collector for a way that knows nothing of it. */
export function withoutProgress<Entry>(collector: Collector<Entry>): Collector<Entry> {
  return {
    ...collector,
    cursor(source) {
      const value = collector.cursor(source)
      return parseProgress(value)?.cursor ?? value
    },
  }
}
