import { PassThrough } from 'node:stream'
import type { PassedSignal, Streams } from '../terminal/streams.ts'

/** Standard streams of a test, which writes to the one and reads from the others. */
export interface FakeStreams extends Streams {
  stdin: PassThrough & { isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  stdout: PassThrough & { isTTY?: boolean; columns?: number; rows?: number }
  stderr: PassThrough
  /** As if the system had sent it. */
  signal(signal: PassedSignal): void
  /** Raw mode as it was set, in order. */
  raw: boolean[]
}

export function createFakeStreams({ tty = false } = {}): FakeStreams {
  const listeners = new Set<(signal: PassedSignal) => void>()
  const raw: boolean[] = []
  const terminal = { isTTY: true, columns: 100, rows: 30 }
  const keyboard = { isTTY: true, setRawMode: (isRaw: boolean) => raw.push(isRaw) }
  return {
    stdin: Object.assign(new PassThrough(), tty ? keyboard : {}),
    stdout: Object.assign(new PassThrough(), tty ? terminal : {}),
    stderr: new PassThrough(),
    raw,
    showAsIs: async () => {},
    signal(signal) {
      for (const listener of listeners) listener(signal)
    },
    onSignal(listener) {
      listeners.add(listener)
      return {
        [Symbol.dispose]() {
          listeners.delete(listener)
        },
      }
    },
  }
}
