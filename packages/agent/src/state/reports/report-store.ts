import { join } from 'node:path'
import {
  type Clock,
  createGroupQueue,
  describeError,
  diskFault,
  type Log,
  takeGroup,
} from '@plexd/runtime'
import { createListeners } from '../../process/listeners.ts'
import { encodeLine, type Journal, openJournal } from '../journal.ts'
import { createReportDrafts, type ReportWriteInput } from './report-drafts.ts'
import { createReportQuota, type ReportLimits } from './report-quota.ts'
import {
  isChange,
  type PutRecord,
  type ReportChange,
  type ReportRecord,
  reportRecord,
} from './report-record.ts'
import { createReportTable, type ReportTable } from './report-table.ts'
import { everyone } from './report-usage.ts'

export type { ReportChange } from './report-record.ts'

/** A report entry; `payload` is JSON text. A changed entry is a new object. */
export type ReportEntry = Readonly<Omit<PutRecord, 'op'>>

/**
 * The report entries of local programs, and which of them the control plane does not have yet.
 *
 * Only what is on disk can be read. Writes that arrive during a write wait, and share the next one with its fsync. If a
 * write fails (a full disk), it and all waiting ones reject, and nothing of them is kept.
 */
export interface ReportStore
  extends Pick<ReportTable, 'keys' | 'unsynced' | 'unsyncedCount'>,
    AsyncDisposable {
  get(key: string): ReportEntry | undefined
  /** Whether there are no entries, and no tombstones of deleted ones. */
  isEmpty(): boolean
  /** Grows with each change of an entry; starts at 1. */
  index(): number
  /**
   * Resolves when the entry is on disk; rejects with ApiError `conflict` "version conflict", with `insufficient_storage`
   * when there is no room for it, or when it cannot be stored.
   */
  put(input: ReportWriteInput): Promise<ReportEntry>
  /** Resolves when the deletion is on disk; false if there was no such entry. */
  delete(key: string): Promise<boolean>
  /** Called after each group of changes. Returns the function that unsubscribes. */
  onChange(listener: () => void): () => void

  /** The control plane has these changes. A key that was written again meanwhile stays unsynced. */
  confirm(changes: readonly ReportChange[]): Promise<void>
  /** The control plane has lost confirmed changes of these keys: they are unsynced again. Unknown keys are ignored. */
  resend(keys: readonly string[]): Promise<void>
  /** The control plane has the key at `version`: our versions continue above it. */
  raise(key: string, version: number): Promise<void>
}

export interface ReportStoreOptions {
  dataDir: string
  clock: Clock
  log: Log
  /** How much local programs may store. */
  limits: ReportLimits
  maxTombstones?: number
  /** Called for every failed write, in addition to rejecting it. */
  onFailure?: (error: unknown) => void
}

/** Opens `dataDir/state/report/journal`. A damaged line costs its record and a warning; rejects when the file cannot be read. */
export async function openReportStore(options: ReportStoreOptions): Promise<ReportStore> {
  const { clock, log } = options
  const table = createReportTable(options)
  const drafts = createReportDrafts(table)
  const quota = createReportQuota(table, options.limits)
  const journal = await readJournal(options, table)
  const listeners = createListeners()
  const queue = createGroupQueue(writeGroup)
  let compactAbove = compactionSize(table)
  let index = 1

  async function put(input: ReportWriteInput): Promise<ReportEntry> {
    const entry = drafts.put(input, timestamp(clock.now()))
    await write(entry, quota.take(entry, drafts.last(input.key)))
    return entry
  }

  async function remove(key: string): Promise<boolean> {
    const tombstone = drafts.remove(key)
    if (tombstone) await write(tombstone)
    return tombstone !== undefined
  }

  async function writeAll(records: readonly ReportRecord[]): Promise<void> {
    await Promise.all(records.map((record) => write(record)))
  }

  /** `settled` is called when the table has the record, or will not get it. */
  function write(record: ReportRecord, settled = (): void => {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    drafts.stage(record)
    queue.add({ record, line: encodeLine(record), settled, resolve, reject })
    return promise
  }

  async function writeGroup(waiting: Write[]): Promise<void> {
    const group = takeGroup(waiting, maxGroupBytes, ({ line }) => line.length)
    try {
      await journal.append(group.map(({ line }) => line).join(''))
    } catch (error) {
      // Waiting records are based on the failed ones: their versions would have a gap, their conditions might not hold.
      failAll([...group, ...waiting.splice(0)], error)
      return
    }
    commit(group)
    if (journal.size() > compactAbove) await compact()
  }

  function commit(group: readonly Write[]): void {
    for (const { record, settled, resolve } of group) {
      drafts.commit(record)
      settled()
      if (isChange(record)) index++
      resolve()
    }
    listeners.tell()
  }

  function failAll(failed: readonly Write[], cause: unknown): void {
    drafts.drop()
    options.onFailure?.(cause)
    // A full disk is reported once for everything that fails because of it, by onFailure.
    if (diskFault(cause) === undefined)
      log.error('report entries cannot be stored', { writes: failed.length, error: cause })
    for (const { settled, reject } of failed) {
      settled()
      reject(new Error('store report entry', { cause }))
    }
  }

  async function compact(): Promise<void> {
    try {
      await journal.replace(table.compact().values().map(encodeLine))
      compactAbove = compactionSize(table)
    } catch (error) {
      options.onFailure?.(error)
      log.warn('report journal cannot be compacted', { error })
      compactAbove = journal.size() + mebibyte
    }
  }

  return {
    get: table.entry,
    keys: table.keys,
    isEmpty: () => table.usage(everyone).keys === 0,
    index: () => index,
    put,
    delete: remove,
    onChange: listeners.add,
    unsynced: table.unsynced,
    unsyncedCount: table.unsyncedCount,
    confirm: (changes) => writeAll(drafts.confirm(changes)),
    resend: (keys) => writeAll(drafts.resend(keys)),
    async raise(key, version) {
      const record = drafts.raise(key, version)
      if (record) await write(record)
    },
    async [Symbol.asyncDispose]() {
      await queue.drain()
      await journal[Symbol.asyncDispose]()
    },
  }
}

/** A record on its way to the disk, and its caller. */
interface Write {
  record: ReportRecord
  line: string
  settled: () => void
  resolve: () => void
  reject: (error: Error) => void
}

const mebibyte = 1024 * 1024
/** Of one write: its lines are joined in memory. */
const maxGroupBytes = 4 * mebibyte

async function readJournal(
  { dataDir, log }: ReportStoreOptions,
  table: ReportTable,
): Promise<Journal> {
  const path = join(dataDir, 'state', 'report', 'journal')
  const journal = await openJournal(path, reportRecord(), table.apply).catch((error: unknown) => {
    const why = describeError(error)
    throw new Error(`open reports "${path}": ${why}: move away what is in their place`)
  })
  const { damaged } = journal
  if (damaged > 0) log.warn('report journal is damaged, records are lost', { file: path, damaged })
  return journal
}

/** The journal is rewritten when more than half of it is history, and not while it is small. */
function compactionSize(table: ReportTable): number {
  return 2 * table.usage(everyone).bytes + 4 * mebibyte
}

/** RFC 3339 in UTC without trailing zeros, as Go prints it. */
function timestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.?0+Z$/, 'Z')
}
