/** Writes lines to a sink that may be full, without ever blocking. */
export interface LineWriter {
  /** Adds the newline. The line is written now, later when there is room, or counted as lost. */
  write(line: string): void
  /** Call at exit: flushes as long as the reader makes progress. */
  flush(): void
}

interface LineWriterOptions {
  /** Writes as much as it can and returns the number of bytes; throws if it can write nothing. */
  put: (bytes: Uint8Array) => number
  /** The text that replaces lost lines. */
  lostLine: (count: number) => string
  /** Maximum bytes in the queue. */
  maxBytes?: number
  /** Calls once after `ms`, without keeping the process alive. */
  later?: (ms: number, call: () => void) => void
  /** Blocks the whole thread for this long. */
  pause?: (ms: number) => void
}

/**
 * For an unread pipe, a stopped terminal or a full disk: lines that cannot be written are queued in order, up to a limit.
 * Further lines are counted, and the count is written in their place.
 */
export function createLineWriter({
  put,
  lostLine,
  maxBytes = 256 * 1024,
  later = callLater,
  pause = pauseThread,
}: LineWriterOptions): LineWriter {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let lost = 0
  let restMs: number | undefined

  function keep(line: string): void {
    const bytes = Buffer.from(line)
    if (waitingBytes + bytes.length > maxBytes) {
      lost++
      return
    }
    if (lost > 0) tellLost()
    waiting.push(bytes)
    waitingBytes += bytes.length
  }

  function tellLost(): void {
    const bytes = Buffer.from(lostLine(lost))
    lost = 0
    waiting.push(bytes)
    waitingBytes += bytes.length
  }

  /** Whether all is written. */
  function drain(): boolean {
    try {
      while (waitingBytes > 0 || lost > 0) {
        if (waitingBytes === 0) tellLost()
        putFirst()
      }
      return true
    } catch {
      return false
    }
  }

  function putFirst(): void {
    const [first = Buffer.alloc(0)] = waiting
    const count = put(first)
    waitingBytes -= count
    if (count < first.length) waiting[0] = first.subarray(count)
    else waiting = waiting.slice(1)
  }

  function tryLater(): void {
    restMs = Math.min((restMs ?? firstRestMs / 2) * 2, maxRestMs)
    later(restMs, () => {
      const before = waitingBytes
      if (drain()) restMs = undefined
      else {
        if (waitingBytes < before) restMs = firstRestMs / 2
        tryLater()
      }
    })
  }

  return {
    write(line) {
      keep(line)
      if (restMs === undefined && !drain()) tryLater()
    },
    flush() {
      let before = waitingBytes
      for (let waitedMs = 0; !drain() && waitedMs < patienceMs; waitedMs += firstRestMs) {
        if (waitingBytes < before) waitedMs = 0
        before = waitingBytes
        pause(firstRestMs)
      }
    },
  }
}

const firstRestMs = 20
const maxRestMs = 1_000
/** At exit, give up on a reader that has not taken anything for this long. */
const patienceMs = 300

function callLater(ms: number, call: () => void): void {
  setTimeout(call, ms).unref()
}

function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
