import { setImmediate as turn } from 'node:timers/promises'
import { arrivedFactsOf } from '../packs/matcher.ts'
import type { ArrivedBatch, TelemetryStore } from '../store.ts'
import { createHeads, type HeadsOptions } from './heads.ts'
import type { Head } from './stores/store.ts'
import { createWriting, type Writing, type WritingOptions } from './writing.ts'

/** What has come since the progress that a writer has found, until it is stored. */
export interface Folding extends Pick<Writing, 'flush' | 'idle'> {
  /** Takes what has just been stored in telemetry. */
  follow(batch: ArrivedBatch): void
  /** Reads what telemetry has and this has not. */
  catchUp(signal: AbortSignal): Promise<void>
  of(nodeId: string): readonly Head[]
}

export interface FoldingOptions extends Omit<HeadsOptions, 'lastId' | 'marks'>, WritingOptions {
  telemetry: Pick<TelemetryStore, 'readAfter'>
}

const pageRecords = 2_000

export function createFolding({ telemetry, ...options }: FoldingOptions): Folding {
  const { lastId, marks } = options.writer
  const heads = createHeads({ ...options, lastId, marks })
  const writing = createWriting(heads, options)
  /** What comes while telemetry is read; undefined once all of it is. */
  let early: ArrivedBatch[] | undefined = []

  function take(batch: ArrivedBatch): void {
    const { source, firstId, received_at } = batch
    for (const [index, { point }] of batch.facts.entries()) {
      const id = firstId + index
      if (id > heads.lastId()) heads.take({ id, source, received_at, point })
    }
    writing.relieve()
  }

  async function readPage(): Promise<number> {
    const after = String(heads.lastId())
    const { records } = await telemetry.readAfter({ kind: 'metrics', after, limit: pageRecords })
    for (const { id, tenant_id, node_id, received_at, record } of records) {
      const { point } = arrivedFactsOf('metrics', record)
      heads.take({ id, source: { tenant_id, node_id }, received_at, point })
    }
    writing.relieve()
    return records.length
  }

  return {
    follow(batch) {
      if (early) early.push(batch)
      else take(batch)
    },
    async catchUp(signal) {
      for (let isBehind = true; isBehind; ) {
        signal.throwIfAborted()
        early = []
        isBehind = (await readPage()) === pageRecords
        if (isBehind) await turn()
      }
      const rest = early ?? []
      early = undefined
      rest.forEach(take)
      heads.forgetMarks()
    },
    of: heads.of,
    flush: writing.flush,
    idle: writing.idle,
  }
}
