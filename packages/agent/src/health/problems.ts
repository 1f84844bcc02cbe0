import { createListeners } from '../process/listeners.ts'

/** What does not work at the moment, each under the name of the part that found it. */
export interface Problems {
  /** `text` says what is wrong and what to type. */
  set(part: string, text: string): void
  clear(part: string): void
  /** Empty when the part works. */
  of(part: string): string
  /** All, or all but those of one part. */
  list(except?: string): string[]
  /** Whose problems there are. */
  parts(): string[]
  /** Runs after a problem came or went; not when one is put in other words. Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

export function createProblems(): Problems {
  const texts = new Map<string, string>()
  const { add, tell } = createListeners()
  return {
    set(part, text) {
      const isNew = !texts.has(part)
      texts.set(part, text)
      if (isNew) tell()
    },
    clear(part) {
      if (texts.delete(part)) tell()
    },
    of: (part) => texts.get(part) ?? '',
    list: (except) => [...texts].filter(([part]) => part !== except).map(([, text]) => text),
    parts: () => [...texts.keys()],
    onChange: add,
  }
}
