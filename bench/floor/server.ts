import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A server of this folder in a process of its own. It prints one line when it listens, and ends when disconnected. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number
  readonly line: string
}

export async function startServer(file: string, args: readonly string[]): Promise<ServerProcess> {
  const child = fork(join(import.meta.dirname, file), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C must reach only the bench, which then ends its processes in order.
    detached: true,
  })
  const ended = once(child, 'exit')
  const early = ended.then(([code]) => {
    throw new Error(`start ${file}: it ended with code ${code}`)
  })
  const [text] = (await Promise.race([once(child.stdout ?? child, 'data'), early])) as [Buffer] // its one line
  return {
    pid: child.pid ?? 0,
    line: text.toString(),
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await ended
    },
  }
}
