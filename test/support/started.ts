import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A program left running; its output is collected. Disposing kills it. */
export interface Started extends AsyncDisposable {
  stdout(): string
  stderr(): string
  /** Its input, to be written and ended. */
  stdin: NodeJS.WritableStream
  signal(signal: NodeJS.Signals): void
  /** Resolves with its exit code. */
  ended: Promise<number | null>
}

/** Of a child whose streams are pipes. */
export function follow(child: ChildProcess): Started {
  const { stdin } = child
  assert.ok(stdin)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  stdin.on('error', () => undefined) // it may end without reading it
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    stdin,
    signal: (signal) => child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
