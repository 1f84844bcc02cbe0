import { type Quantiles, quantiles } from '../../quantiles.ts'

/** Answers by kind of request: how many of each status, and how long they took. */
export class Tally {
  readonly #kinds = new Map<string, { statuses: Map<number, number>; times: number[] }>()

  add(kind: string, status: number, ms: number): void {
    let entry = this.#kinds.get(kind)
    if (!entry) {
      entry = { statuses: new Map(), times: [] }
      this.#kinds.set(kind, entry)
    }
    entry.statuses.set(status, (entry.statuses.get(status) ?? 0) + 1)
    entry.times.push(ms)
  }

  /** What was added since the last call. */
  take(): TallyPage {
    const page = [...this.#kinds].map(([kind, { statuses, times }]) => ({
      kind,
      statuses: [...statuses],
      times: Float64Array.from(times),
    }))
    this.#kinds.clear()
    return page
  }
}

export type TallyPage = {
  kind: string
  statuses: [status: number, count: number][]
  times: Float64Array
}[]

/** How long they took, in milliseconds, and their statuses. */
export interface Answers extends Quantiles {
  of(status: number): number
  /** Answers with none of these statuses, in words; empty when there are none. */
  others(...statuses: readonly number[]): string
}

/** The answers to one kind of request, or to all of them. */
export function answersOf(tally: TallyPage, kind?: string): Answers {
  const entries = tally.filter((entry) => kind === undefined || entry.kind === kind)
  const statuses = new Map<number, number>()
  for (const entry of entries)
    for (const [status, count] of entry.statuses)
      statuses.set(status, (statuses.get(status) ?? 0) + count)
  const noTimes = { count: 0, min: 0, median: 0, p99: 0, max: 0 }
  const times = entries.flatMap((entry) => Array.from(entry.times))
  return {
    ...(times.length > 0 ? quantiles(times) : noTimes),
    of: (status) => statuses.get(status) ?? 0,
    others: (...wanted) =>
      [...statuses]
        .filter(([status]) => !wanted.includes(status))
        .map(([status, count]) => `${count} × ${status || 'no answer'}`)
        .join(', '),
  }
}
