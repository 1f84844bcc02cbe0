import { describeError } from '@plexd/runtime'
import type { RecordingChunk } from './seal-chunk.ts'

/** The chunks of a recording on their way to the disk. */
export interface ChunkStore {
  add(chunk: RecordingChunk): void
  /** Undefined if few chunks are not stored yet; else resolves when that is so. Rejects after a failure. */
  room(): Promise<void> | undefined
  failure(): Error | undefined
  /** Resolves when each chunk is stored or lost. */
  settled(): Promise<void>
}

export interface ChunkStoreOptions {
  store(chunk: RecordingChunk): Promise<void>
  limitBytes?: number
  onFailure?(error: Error): void
}

/** So many may wait for the disk before what they show is held back: seconds of a quiet session, a quarter of a mebibyte of a loud one. */
const maxUnstored = 4

export function createChunkStore({
  store,
  limitBytes = Number.POSITIVE_INFINITY,
  onFailure,
}: ChunkStoreOptions): ChunkStore {
  const unstored = new Set<Promise<void>>()
  let bytes = 0
  let failure: Error | undefined
  let room: PromiseWithResolvers<void> | undefined

  function fail(error: Error): void {
    if (failure) return
    failure = error
    room?.reject(error)
    onFailure?.(error)
  }

  function add(chunk: RecordingChunk): void {
    bytes += chunk.bytes.length
    const stored: Promise<void> = store(chunk)
      .catch((error: unknown) =>
        fail(new Error(`the recording cannot be written: ${describeError(error)}`)),
      )
      .finally(() => leave(stored))
    unstored.add(stored)
    if (bytes >= limitBytes && !chunk.final)
      fail(new Error(`the recording has reached its limit of ${limitBytes} bytes`))
  }

  function leave(stored: Promise<void>): void {
    unstored.delete(stored)
    if (failure || unstored.size > maxUnstored) return
    room?.resolve()
    room = undefined
  }

  function nextRoom(): Promise<void> {
    room ??= Promise.withResolvers()
    room.promise.catch(() => {}) // it is for those who wait, if there are any
    return room.promise
  }

  return {
    add,
    room() {
      if (failure) return rejected(failure)
      return unstored.size > maxUnstored ? nextRoom() : undefined
    },
    failure: () => failure,
    async settled() {
      await Promise.all(unstored)
    },
  }
}

/** Also for callers who do not wait for it. */
export function rejected(error: Error): Promise<void> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}
