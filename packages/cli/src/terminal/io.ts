import { type Clock, systemClock } from '@plexd/runtime'
import { type Streams, systemStreams } from './streams.ts'

/** What a command reads from and writes to; a test passes its own. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stdout: Output
  stderr: Output
  clock: Clock
  /** Aborted by Ctrl-C or SIGTERM; until it is asked for, those end the process. */
  interrupted(): AbortSignal
  /** For what is passed through byte by byte. */
  streams(): Streams
  /** The code with which plexctl ends, where it is that of a program on a node. */
  endWith(exitCode: number): void
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
    streams: systemStreams,
    endWith(exitCode) {
      process.exitCode = exitCode
    },
  }
}

function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort())
  }
  return controller.signal
}
