import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '@plexd/runtime/testing'
import type { BootedDebian } from './booted-debian.ts'

/** A person at a terminal of a machine, in the shell of root. */
export interface Terminal extends AsyncDisposable {
  type(text: string): void
  /** As a terminal does: the shell gets all of it before it runs the first line. */
  paste(text: string): void
  /** Until the terminal shows it. */
  shows(text: string | RegExp, timeoutMs?: number): Promise<void>
  /** Ends the shell; resolves to all that was shown. */
  leave(): Promise<string>
}

/** `before` is a command that runs the command behind it, as strace. */
export function openTerminal(machine: BootedDebian, before: readonly string[] = []): Terminal {
  const shell = [...before, ...machine.prefix(), 'env', 'TERM=xterm', 'bash', '-i']
  const line = shell.map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: 'pipe' })
  let shown = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      shown += text
    })
  const ended = once(child, 'close')
  return {
    type: (text) => void child.stdin.write(text),
    paste: (text) => void child.stdin.write(`\u001b[200~${text}\u001b[201~\n`),
    async shows(text, timeoutMs = 300_000) {
      const isShown = () => (typeof text === 'string' ? shown.includes(text) : text.test(shown))
      await until(`"${text}" on the terminal`, isShown, timeoutMs, 100).catch((cause: unknown) => {
        throw new Error(shown, { cause })
      })
    },
    async leave() {
      child.stdin.end('exit\n')
      await ended
      return shown
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
