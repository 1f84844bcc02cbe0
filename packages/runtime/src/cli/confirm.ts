import type { Command } from 'commander'
import { printable } from '../text/printable.ts'
import { CliError, exitCodes } from './cli.ts'

/** Where to ask the question and read the answer. */
export interface Terminal {
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stderr: { write(text: string): unknown }
}

/** The flag of a destructive command; `confirm` is the other half. */
export function addYesFlag(command: Command): Command {
  return command.option('--yes', 'do not ask; needed where standard input is no terminal')
}

/**
 * The rule for destructive commands: they ask at a terminal, and require `--yes` if there is none. `what` is the
 * action, `cut` its consequence. Without `asks`, standard input is used for something else. Throws a CliError unless
 * the action is confirmed.
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
