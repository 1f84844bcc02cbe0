import type { Clock } from '@plexd/runtime'

/** Lines of a recording, until they are stored together as a chunk. */
export interface ChunkLines {
  add(line: string): void
  /** Stores the rest as the last chunk, though it may be empty. */
  end(): void
  /** How many chunks there are. */
  count(): number
}

/** Lines are stored when they take this much, */
const chunkChars = 64 * 1024
/** or after this time. */
const flushMs = 1_000

export function createChunkLines(
  clock: Clock,
  store: (text: string, index: number, final: boolean) => void,
): ChunkLines {
  const lines: string[] = []
  let chars = 0
  let count = 0
  let timer: AbortController | undefined

  function startTimer(): void {
    if (timer) return
    timer = new AbortController()
    clock.sleep(flushMs, timer.signal).then(
      () => flush(),
      () => {}, // stored meanwhile
    )
  }

  function flush(final = false): void {
    timer?.abort()
    timer = undefined
    if (lines.length === 0 && !final) return
    const text = lines.splice(0).join('')
    chars = 0
    store(text, count++, final)
  }

  return {
    add(line) {
      lines.push(line)
      chars += line.length
      if (chars >= chunkChars) flush()
      else startTimer()
    },
    end: () => flush(true),
    count: () => count,
  }
}
