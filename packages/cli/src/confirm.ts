import type { PolicyOutcome } from '@plexd/protocol'
import { CliError, exitCodes, printable } from '@plexd/runtime'
import type { Command } from 'commander'
import type { Io } from './io.ts'

/** For a command that takes away what it cannot give back: the other half of it is `confirm`. */
export function addYesFlag(command: Command): Command {
  return command.option('--yes', 'do not ask; needed where standard input is no terminal')
}

/**
 * The one rule for such commands: they ask at a terminal, and where nobody can be asked they want `--yes`. `what` would be
 * done, and `cut` would follow. Without `asks` standard input is for something else. Throws a CliError unless it may be
 * done.
 */
export async function confirm(
  io: Io,
  { what, cut = '', yes = false, asks = true }: Question,
): Promise<void> {
  if (yes) return
  const text = cut === '' ? what : `${what}: ${cut}`
  if (!asks || !io.stdin.isTTY) {
    throw new CliError(
      `${text}: nobody can be asked here: run it again with --yes to do that`,
      exitCodes.usage,
    )
  }
  io.stderr.write(`${printable(text)}${cut === '' ? '' : '; go on'}? [y/N] `)
  if (!/^\s*y/i.test(await readAnswer(io))) throw new CliError('not confirmed: nothing was done')
}

interface Question {
  what: string
  cut?: string
  yes?: boolean | undefined
  asks?: boolean
}

async function readAnswer({ stdin }: Io): Promise<string> {
  let answer = ''
  for await (const chunk of stdin) {
    answer += chunk.toString()
    if (answer.includes('\n')) break
  }
  return answer
}

/** What nodes would lose by a change of the policies; empty for nothing. */
export function describeCut(pairs: PolicyOutcome['pairs']): string {
  if (!pairs) return 'the mesh is too large to tell how many pairs of nodes could not talk any more'
  if (pairs.lost === 0) return ''
  const nouns = pairs.lost === 1 ? 'pair' : 'pairs'
  return `${pairs.lost} ${nouns} of nodes that can talk could not any more`
}
