import type { ContainedEnd } from './containment.ts'
import { type LimitName, limitTitles } from './groups/method.ts'

const limitWords: Record<LimitName, string> = {
  memory: 'it needed more memory than its limit',
  pids: 'it started more processes than its limit',
  cpu: 'it was slowed down by its limit of CPU',
}

/** The output of a program as an action has it; what it came up against is added to stderr. */
export function outputOfContained({
  exitCode,
  stdout,
  stderr,
  met,
  unkept,
  killedBy,
  left,
}: ContainedEnd): {
  exit_code: number
  stdout: string
  stderr: string
} {
  const notes = [
    ...met.map((limit) => limitWords[limit]),
    ...unkept.map(
      (limit) => `its limit of ${limitTitles[limit]} has no effect on this machine: plexd doctor`,
    ),
    ...(killedBy ? [`it was ended by ${killedBy}`] : []),
    ...(left.length > 0 ? [`processes that cannot be ended: ${left.join(', ')}`] : []),
  ]
  const gap = stderr === '' || stderr.endsWith('\n') ? '' : '\n'
  const lines = notes.map((note) => `plexd: ${note}\n`)
  return {
    exit_code: exitCode,
    stdout,
    stderr: lines.length > 0 ? stderr + gap + lines.join('') : stderr,
  }
}
