import { knownUpgrade, type UpgradeReport, type UpgradeStatus } from '@plexd/protocol'
import { printable } from '@plexd/runtime'
import type { Limits } from '../limits.ts'

/** The problems that a node reports. They are untrusted and shown to people, so number, length and characters are limited. */
export function boundProblems(
  said: readonly string[],
  { node_problems: maxProblems, node_problem_characters: maxChars }: Limits,
): string[] {
  return said.slice(0, maxProblems).map((text) => boundText(text, maxChars))
}

/** The same for what a node reports of its last upgrade; undefined if it says that with words of a newer version. */
export function boundUpgrade(
  report: UpgradeReport,
  { node_problem_characters: maxChars }: Limits,
): UpgradeStatus | undefined {
  const upgrade = knownUpgrade(report)
  if (!upgrade) return undefined
  const { version, from, reason, ...rest } = upgrade
  const bound = (text: string): string => boundText(text, maxChars)
  return { ...rest, version: bound(version), from: bound(from), reason: bound(reason) }
}

function boundText(text: string, maxChars: number): string {
  const start = printable(text.slice(0, maxChars))
  return text.length > maxChars ? `${start}…` : start
}
