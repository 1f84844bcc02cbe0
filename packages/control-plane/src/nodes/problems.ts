import { printable } from '@plexd/runtime'
import type { Limits } from '../limits.ts'

/** The problems that a node reports. They are untrusted and shown to people, so number, length and characters are limited. */
export function boundProblems(
  said: readonly string[],
  { node_problems: maxProblems, node_problem_characters: maxChars }: Limits,
): string[] {
  return said.slice(0, maxProblems).map((text) => {
    const start = printable(text.slice(0, maxChars))
    return text.length > maxChars ? `${start}…` : start
  })
}
