import { setImmediate as turn } from 'node:timers/promises'
import { describeError, type Log } from '@plexd/runtime'
import type { Heads } from './heads.ts'
import { ProgressChanged, type SeriesWriter } from './stores/store.ts'

export interface Writing {
  /** Writes what has come. Resolves also if that has failed. */
  flush(): Promise<void>
  /** Writes before the next round if memory has as much as it may; once that has failed, with the next round. */
  relieve(): void
  /** Resolves when nothing is being written. */
  idle(): Promise<void>
}

export interface WritingOptions {
  writer: SeriesWriter
  log: Pick<Log, 'warn'>
  /** What is stored may be other than is known here. */
  onChanged(error: ProgressChanged): void
}

/** Some 20 MB: what nodes send that had to wait for a day is written as it comes. */
const maxHeadPoints = 200_000
/** Nodes written in one transaction: the event loop waits for it. */
const flushNodes = 20

/** Brings what is in memory to where it is kept, one round at a time. */
export function createWriting(heads: Heads, { writer, log, onChanged }: WritingOptions): Writing {
  let hasFailed = false
  let flushing: Promise<void> | undefined

  async function flushAll(): Promise<void> {
    const upTo = heads.lastId()
    const ids = heads.nodeIds()
    for (let at = 0; at < ids.length; at += flushNodes) {
      await flushSome(ids.slice(at, at + flushNodes))
      await turn()
    }
    await writer.finish(upTo)
    hasFailed = false
  }

  async function flushSome(ids: readonly string[]): Promise<void> {
    try {
      await writer.add(heads.takeOut(ids))
      heads.settle()
    } catch (error) {
      heads.putBack()
      throw error
    }
  }

  function flush(): Promise<void> {
    flushing ??= flushAll()
      .catch((error: unknown) => {
        if (error instanceof ProgressChanged) return onChanged(error)
        hasFailed = true
        log.warn('series of metrics are not written yet', { error: describeError(error) })
      })
      .finally(() => {
        flushing = undefined
      })
    return flushing
  }

  return {
    flush,
    relieve() {
      if (heads.size() > maxHeadPoints && !hasFailed) void flush()
    },
    idle: () => flushing ?? Promise.resolve(),
  }
}
