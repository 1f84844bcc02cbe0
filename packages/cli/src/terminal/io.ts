import { type Clock, systemClock } from '@plexd/runtime'

/** What a command reads from and writes to; a test passes its own. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stdout: Output
  stderr: Output
  clock: Clock
  /** Aborted by Ctrl-C or SIGTERM; until it is asked for, those end the process. */
  interrupted(): AbortSignal
}

export interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

export function systemIo(): Io {
  return {
    env: process.env,
    // A getter: touching process.stdin opens it.
    get stdin() {
      return process.stdin
    },
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    interrupted,
  }
}

function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort())
  }
  return controller.signal
}
