import { Argument, type Command } from 'commander'
import { type Context, examples } from '../../context.ts'
import { complete, completionScripts, type Shell, shells } from './complete.ts'

export function addCompletionCommands(program: Command, context: Context): void {
  const { io } = context

  program
    .command('completion')
    .description('print a script that completes commands, flags and node names in a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      examples(
        'source <(plexctl completion bash)',
        'plexctl completion zsh > ~/.zfunc/_plexctl',
        'plexctl completion fish > ~/.config/fish/completions/plexctl.fish',
      ),
    )
    .action((shell: Shell) => {
      io.stdout.write(completionScripts[shell])
    })

  // What the scripts call: an answer a line, never a failure.
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { words: known, names } = complete(program, words)
      const found = names === 'node' ? await nodeNames(context, words.at(-1) ?? '') : known
      for (const word of found) io.stdout.write(`${word}\n`)
    })
}

const patienceMs = 1_000

async function nodeNames({ connect }: Context, start: string): Promise<string[]> {
  try {
    const { admin } = await connect()
    const signal = AbortSignal.timeout(patienceMs)
    const { body } = await admin.listNodes({ query: { limit: '1000' }, signal })
    return body.items
      .flatMap(({ hostname, id }) => (start.startsWith('n_') ? [id] : [hostname]))
      .filter((name) => name.startsWith(start) && isPlainWord(name))
  } catch {
    return []
  }
}

/** A hostname comes from its node, and a shell runs what it completes. */
function isPlainWord(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)
}
