import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliError, exitCodes } from '@plexd/runtime'

/**
 * Prompts at the terminal, which edits the line itself: it takes no more than 4 KiB, however much is pasted, and Ctrl-C ends the
 * program. Throws a CliError if it is closed.
 */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: false,
  })
  return (await answerTo(question, terminal, question)).trim()
}

/** The same with hidden input, which makes Ctrl-C ours. */
export async function askSecret(question: string): Promise<string> {
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: mute, terminal: true })
  process.stderr.write(question)
  try {
    return await answerTo(question, terminal, '')
  } finally {
    process.stderr.write('\n')
  }
}

async function answerTo(question: string, terminal: Interface, shown: string): Promise<string> {
  let isInterrupted = false
  terminal.once('SIGINT', () => {
    isInterrupted = true
    terminal.close()
  })
  // A question that is never answered would wait for ever.
  const closed = once(terminal, 'close').then(() => undefined)
  const answer = await Promise.race([terminal.question(shown).catch(() => undefined), closed])
  terminal.close()
  if (answer !== undefined) return answer
  const [why, code] = isInterrupted
    ? ['interrupted', exitCodes.interrupted]
    : ['it was closed', exitCodes.usage]
  throw new CliError(`ask "${question.trim()}" at the terminal: ${why}: run this again`, code)
}
