import type { ReportChange } from './report-record.ts'

/** Keys that take memory, entries and deleted ones, and roughly what the entries take on disk. */
export interface Usage {
  readonly keys: number
  readonly bytes: number
}

/** Everyone's usage together; any other scope is a single writer. */
export const everyone = 'everyone'

export interface Usages {
  of(scope: string): Usage
  add(scope: string, usage: Usage, sign: 1 | -1): void
}

export function createUsages(): Usages {
  const usages = new Map<string, Usage>()
  const of = (scope: string): Usage => usages.get(scope) ?? none
  return {
    of,
    add(scope, { keys, bytes }, sign) {
      const before = of(scope)
      const now = { keys: before.keys + sign * keys, bytes: before.bytes + sign * bytes }
      if (now.keys === 0 && now.bytes === 0) usages.delete(scope)
      else usages.set(scope, now)
    },
  }
}

/** What the last change of a key takes: a deleted key must be remembered as well. */
export function usageOf(last: ReportChange | undefined): Usage {
  if (last?.op === 'delete') return { keys: 1, bytes: 0 }
  if (last === undefined) return none
  const { key, content_type, payload } = last
  return { keys: 1, bytes: 200 + 2 * key.length + content_type.length + payload.length }
}

const none: Usage = { keys: 0, bytes: 0 }
