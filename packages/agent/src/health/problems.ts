import { createListeners } from '../process/listeners.ts'

/** What does not work at the moment, by the name of the part that found it. */
export interface Problems {
  /** `text` says what is wrong and what to type; undefined clears the problem. */
  set(part: string, text: string | undefined): void
  clear(part: string): void
  /** Empty if the part works. */
  of(part: string): string
  /** All texts, except those of one part. */
  list(except?: string): string[]
  /** The parts that have a problem. */
  parts(): string[]
  /** Runs after a problem was added or cleared, not after its text changed. Returns the function that removes the listener. */
  onChange(listener: () => void): () => void
}

export function createProblems(): Problems {
  const texts = new Map<string, string>()
  const { add, tell } = createListeners()

  function clear(part: string): void {
    if (texts.delete(part)) tell()
  }

  return {
    set(part, text) {
      if (text === undefined) return clear(part)
      const isNew = !texts.has(part)
      texts.set(part, text)
      if (isNew) tell()
    },
    clear,
    of: (part) => texts.get(part) ?? '',
    list: (except) => [...texts].filter(([part]) => part !== except).map(([, text]) => text),
    parts: () => [...texts.keys()],
    onChange: add,
  }
}

/** The first of several texts, and the number of the others; undefined if there are none. */
export function summarize([first, ...others]: readonly string[]): string | undefined {
  return others.length === 0 ? first : `${first}, and ${others.length} more`
}
