/** Writes lines to what may be full, and never waits for it. */
export interface LineWriter {
  /** With its newline. Comes out now, later when there is room, or is counted as lost. */
  write(line: string): void
  /** To be called at the end: waits for a reader who reads, and gives up on one who does not. */
  flush(): void
}

interface LineWriterOptions {
  /** Takes what it can and says how many bytes that were; throws when it can take nothing, whatever the reason. */
  put: (bytes: Uint8Array) => number
  /** What is written in place of lines that did not fit. */
  lostLine: (count: number) => string
  /** What may wait. */
  maxBytes?: number
  /** Calls once after so many ms, without keeping the process alive. */
  later?: (ms: number, call: () => void) => void
  /** Stops everything for so long. */
  pause?: (ms: number) => void
}

/**
 * A pipe that nobody reads, a stopped terminal, a full disk: what cannot be written waits in order, up to a bound.
 * Lines beyond it are counted, and the count is written where they would stand.
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
/** How long a reader may take nothing before he is given up at the end. */
const patienceMs = 300

function callLater(ms: number, call: () => void): void {
  setTimeout(call, ms).unref()
}

function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
