import { printable } from '@plexd/runtime'
import type { Limits } from '../limits.ts'

/** What a node says that does not work on it. It is a claim, and shown to people: some lines, none long, of what can be seen. */
export function boundProblems(
  said: readonly string[],
  { node_problems: maxProblems, node_problem_characters: maxChars }: Limits,
): string[] {
  return said.slice(0, maxProblems).map((text) => {
    const start = printable(text.slice(0, maxChars))
    return text.length > maxChars ? `${start}…` : start
  })
}
