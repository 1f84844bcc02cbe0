import type { Readable, Writable } from 'node:stream'
import { exec } from '@plexd/runtime'

/** The standard streams, and what a terminal and the system tell besides. */
export interface Streams {
  stdin: Readable & { isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number }
  stderr: Writable
  /** Keeps the terminal from changing what it is sent, until raw mode ends. */
  showAsIs(): Promise<void>
  /** Until disposed of, these signals are passed to the listener and do not end the process. */
  onSignal(listener: (signal: PassedSignal) => void): Disposable
}

const passedSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
export type PassedSignal = (typeof passedSignals)[number]

export interface Size {
  columns: number
  rows: number
}

export function systemStreams(): Streams {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    showAsIs,
    onSignal(listener) {
      for (const signal of passedSignals) process.on(signal, listener)
      return {
        [Symbol.dispose]() {
          for (const signal of passedSignals) process.off(signal, listener)
        },
      }
    },
  }
}

/**
 * Node's raw mode still makes CR LF of each LF. Programs that use the whole screen move down by a bare LF. Without stty, that is all
 * that goes wrong.
 */
async function showAsIs(): Promise<void> {
  await exec(['stty', '-F', '/dev/tty', '-opost']).catch(() => undefined)
}

/** Every key goes to the other side, Ctrl-C too, and all that it shows comes as it is, until disposed of. */
export async function rawMode({ stdin, showAsIs }: Streams): Promise<Disposable> {
  stdin.setRawMode?.(true)
  await showAsIs()
  return {
    [Symbol.dispose]() {
      stdin.setRawMode?.(false)
    },
  }
}

/** That of the terminal; of one that does not tell, 80 by 24. */
export function sizeOf({ stdout: { columns, rows } }: Streams): Size {
  return { columns: columns || 80, rows: rows || 24 }
}

/** Calls back with each new size of the terminal, until disposed of. */
export function onResize(streams: Streams, listener: (size: Size) => void): Disposable {
  const tell = (): void => listener(sizeOf(streams))
  streams.stdout.on('resize', tell)
  return {
    [Symbol.dispose]() {
      streams.stdout.off('resize', tell)
    },
  }
}
