/** What does not work at the moment, each under the name of the part that found it. */
export interface Problems {
  /** `text` says what is wrong and what to type. */
  set(part: string, text: string): void
  clear(part: string): void
  /** Empty when the part works. */
  of(part: string): string
  /** All, or all but those of one part. */
  list(except?: string): string[]
}

export function createProblems(): Problems {
  const texts = new Map<string, string>()
  return {
    set: (part, text) => texts.set(part, text),
    clear: (part) => texts.delete(part),
    of: (part) => texts.get(part) ?? '',
    list: (except) => [...texts].filter(([part]) => part !== except).map(([, text]) => text),
  }
}
