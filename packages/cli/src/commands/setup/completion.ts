import { type CompletedShell, completedShells } from '@plexd/runtime'
import { Argument } from 'commander'
import { custom, type Entry } from '../../command.ts'
import type { Context } from '../../context.ts'
import { type Candidates, complete, completionScripts, joinWords } from './complete.ts'
import { readNames } from './names.ts'

export const completionCommand = custom({
  name: 'completion',
  description: 'print a script that completes commands, flags and names in a shell',
  flags: (command) => command.addArgument(new Argument('<shell>').choices(completedShells)),
  json: false,
  examples: [
    'source <(plexctl completion bash)',
    'plexctl completion zsh > ~/.zfunc/_plexctl',
    'plexctl completion fish > ~/.config/fish/completions/plexctl.fish',
  ],
  run({ io }: Context, shell: CompletedShell) {
    io.stdout.write(completionScripts[shell])
  },
})

/** What the scripts call: an answer a line, never a failure. */
export const completeCommand: Entry = {
  example: '',
  add(program, context) {
    program
      .command('__complete', { hidden: true })
      .argument('[words...]')
      .action(async (typed: string[]) => {
        const { words, givenChars } = joinWords(typed)
        const { words: known, names } = complete(program, words)
        const found = names ? await namesOf(context, names, words.at(-1) ?? '') : known
        for (const word of found) context.io.stdout.write(`${word.slice(givenChars)}\n`)
      })
  },
}

const patienceMs = 1_000

async function namesOf(
  { connect }: Context,
  { noun, operands }: NonNullable<Candidates['names']>,
  start: string,
): Promise<string[]> {
  try {
    const { admin } = await connect()
    const signal = AbortSignal.timeout(patienceMs)
    return await readNames(admin, noun, { operands, start, signal })
  } catch {
    return []
  }
}
