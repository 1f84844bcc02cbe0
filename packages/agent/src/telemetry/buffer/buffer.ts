import type {
  AuditRecord,
  BatchResponse,
  LogRecord,
  MetricPoint,
  SourceStatus,
  TelemetryKind,
  TelemetryStatus,
} from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import { openQueue, type Queue } from '../../queue/queue.ts'
import { openBlockStore } from './block-store.ts'
import type { Collector } from './collector.ts'
import { describeBuffer } from './describe-buffer.ts'
import { gapRecord } from './gap-record.ts'
import { startGathering } from './gathering.ts'
import type { BatchLimit } from './plan.ts'
import { startSending, type TelemetryRequest } from './sending.ts'
import { isStoredItem, type StoredItem } from './stored-item.ts'

/** What is collected of each kind. */
export interface TelemetryEntry {
  metrics: MetricPoint
  logs: LogRecord
  audit: AuditRecord
}

/** Takes over the records of a kind, keeps them on the disk, and sends them until the control plane has each of them once. */
export interface TelemetryBuffer<Entry> extends Collector<Entry>, AsyncDisposable {
  /** The control plane is back. */
  wake(): void
  status(sources: readonly SourceStatus[]): TelemetryStatus
}

export interface TelemetryBufferOptions<Kind extends TelemetryKind> {
  kind: Kind
  /** Each kind has a folder of its name in it. */
  folder: string
  maxBytes: number
  intervalMs: number
  hostname: string
  post(request: TelemetryRequest, signal: AbortSignal): Promise<BatchResponse>
  describe(error: unknown): string
  /** Called for every failed write. */
  onFailure(error: unknown): void
  /** Called at the start if places of the files are damaged. */
  onDamage(places: number): void
  clock: Clock
  log: Log
  random?: () => number
}

/** Packed, a full block takes 30 KB or so: as few as that fill what is kept, for each takes memory. */
const batches: Readonly<Record<TelemetryKind, BatchLimit>> = {
  metrics: { records: 500, rawBytes: 256 * 1024 },
  logs: { records: 5_000, rawBytes: 512 * 1024 },
  audit: { records: 5_000, rawBytes: 512 * 1024 },
}
/** Larger ones the control plane drops (its limit telemetry_record_bytes). */
const maxRecordBytes = 256 * 1024
const maxMemoryBytes = 2 * 1024 * 1024

export async function openTelemetryBuffer<Kind extends TelemetryKind>(
  options: TelemetryBufferOptions<Kind>,
): Promise<TelemetryBuffer<TelemetryEntry[Kind]>> {
  const { kind, maxBytes, clock } = options
  await using stack = new AsyncDisposableStack()
  const batch = batches[kind]
  const lineOfGap: Parameters<typeof startSending>[1]['lineOfGap'] = (gap, atMs) =>
    JSON.stringify(gapRecord(gap, atMs, options))
  let isDamaged = false
  const queue = stack.use(
    await openBlockQueue(options, (places) => {
      isDamaged = true
      options.onDamage(places)
    }),
  )
  const store = await openBlockStore(queue, {
    maxBytes,
    batch,
    joinOverBlocks: 64,
    lineOfLost: (gap, atMs) => lineOfGap({ ...gap, count: 1 }, atMs),
    clock,
    isDamaged,
  })
  const sending = stack.use(startSending(store, { ...options, batch, lineOfGap }))
  const gathering = stack.use(
    startGathering<TelemetryEntry[Kind]>({
      async write(draft, signal) {
        await store.add(draft, signal)
        sending.added()
      },
      cursor: store.cursor,
      sources: store.sources,
      block: batch,
      maxRecordBytes,
      maxBytes: maxMemoryBytes,
      clock,
    }),
  )
  const { append, lost, cursor, sources } = gathering
  return {
    ...{ append, lost, cursor, sources },
    wake: sending.wake,
    status: (sources) =>
      describeBuffer(options, sources, { ...store.waiting(), ...sending.counts() }, clock.now()),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** What gives way in it is decided by the store, which counts it. */
function openBlockQueue(
  { kind, folder, log, onFailure }: TelemetryBufferOptions<TelemetryKind>,
  onDamage: (places: number) => void,
): Promise<Queue<StoredItem>> {
  return openQueue(folder, {
    ...{ name: kind, isItem: isStoredItem, isWhole: true, log, onFailure, onDamage },
    limit: { bytes: Number.POSITIVE_INFINITY },
    whenFull: 'refuse newest',
  })
}
