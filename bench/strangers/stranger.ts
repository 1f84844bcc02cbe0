import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { HostileOrder, HostileResult } from './hostile.ts'

/** hostile.ts in a process of its own. */
export interface Stranger extends Disposable {
  /** Rejects when it ends without an answer; it prints the reason to stderr. */
  send(order: HostileOrder): Promise<HostileResult>
}

export function startStranger(): Stranger {
  // Not with the flags of a test runner.
  const child = fork(join(import.meta.dirname, 'hostile.ts'), { execArgv: [] })
  return {
    send(order) {
      child.send(order)
      return answerOf(child)
    },
    [Symbol.dispose]: () => void child.kill(),
  }
}

async function answerOf(child: ChildProcess): Promise<HostileResult> {
  const over = new AbortController()
  const { signal } = over
  const answer = once(child, 'message', { signal }) as Promise<[HostileResult]> // as it answers
  const end = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`order a stranger: it ended with code ${code} and gave no answer`)
  })
  try {
    return (await Promise.race([answer, end]))[0]
  } finally {
    over.abort()
    await Promise.allSettled([answer, end])
  }
}
