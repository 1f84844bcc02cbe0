import type { Readable, Writable } from 'node:stream'

/** The standard streams, and what a terminal and the system tell besides. */
export interface Streams {
  stdin: Readable & { isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number }
  stderr: Writable
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

/** Every key goes to the other side, Ctrl-C too, until disposed of. */
export function rawMode({ stdin }: Streams): Disposable {
  stdin.setRawMode?.(true)
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
