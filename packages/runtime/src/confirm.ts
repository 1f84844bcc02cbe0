import type { Command } from 'commander'
import { CliError, exitCodes } from './cli.ts'
import { printable } from './printable.ts'

/** Where a question is put, and answered. */
export interface Terminal {
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stderr: { write(text: string): unknown }
}

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
  { stdin, stderr }: Terminal,
  { what, cut = '', yes = false, asks = true }: Question,
): Promise<void> {
  if (yes) return
  const text = cut === '' ? what : `${what}: ${cut}`
  if (!asks || !stdin.isTTY) {
    throw new CliError(
      `${text}: nobody can be asked here: run it again with --yes to do that`,
      exitCodes.usage,
    )
  }
  stderr.write(`${printable(text)}${cut === '' ? '' : '; go on'}? [y/N] `)
  if (!/^\s*y/i.test(await readAnswer(stdin))) throw new CliError('not confirmed: nothing was done')
}

interface Question {
  what: string
  cut?: string
  yes?: boolean | undefined
  asks?: boolean
}

async function readAnswer(stdin: Terminal['stdin']): Promise<string> {
  let answer = ''
  for await (const chunk of stdin) {
    answer += chunk.toString()
    if (answer.includes('\n')) break
  }
  return answer
}
