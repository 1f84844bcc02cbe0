import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Log, silentLog } from '@plexd/runtime'
import { diskErrorOf, isDamaged } from '../store/sqlite-error.ts'
import { type RecordKind, recordKinds } from './kinds.ts'
import { type Arrival, openPartition, type Partition, type Written } from './partition.ts'
import type { NewPartition } from './partition-tables.ts'

const dayMs = 24 * 60 * 60_000

/** The partitions of all kinds, as files of one folder, all of which are open. */
export interface Partitions extends AsyncDisposable {
  /** The oldest first. Ids grow from each to the next. */
  of(kind: RecordKind): Partition[]
  /** Into the partition of today; another one begins each day. Rejects as `Partition.write` does. */
  write(kind: RecordKind, arrival: Arrival): Promise<Written>
  /** Behind all records of the kind. */
  lastId(kind: RecordKind): number
  /** Closes it, and deletes its file. Never the last of its kind, which knows how far nodes have come. */
  drop(kind: RecordKind, partition: Partition): Promise<void>
}

export interface PartitionsOptions {
  now(): number
  lockWaitMs?: number | undefined
  log?: Pick<Log, 'error'>
  /** Behind which the ids of a kind begin that has no partition yet. */
  startId?: number | undefined
}

export function openPartitions(
  folder: string,
  { now, lockWaitMs, log = silentLog, startId = 0 }: PartitionsOptions,
): Partitions {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const opened = new Map<RecordKind, Map<number, Partition>>()
  /** Partitions that are about to begin. */
  const beginnings = new Map<RecordKind, Promise<void>>()

  for (const kind of recordKinds)
    for (const number of numbersIn(folder, kind)) openOrSetAside(kind, number)

  function ofKind(kind: RecordKind): Map<number, Partition> {
    return opened.get(kind) ?? new Map()
  }

  function open(kind: RecordKind, number: number): Partition {
    const partitions = ofKind(kind)
    const before = [...partitions.values()].at(-1)
    const created = (): NewPartition => ({
      kind,
      nowMs: now(),
      lastId: before?.lastId() ?? startId,
      marks: before?.marks() ?? [],
    })
    const partition = openPartition(join(folder, fileName(kind, number)), { lockWaitMs, created })
    opened.set(kind, partitions.set(number, partition))
    return partition
  }

  /** One file that is damaged does not keep all others, and the control plane, from starting. */
  function openOrSetAside(kind: RecordKind, number: number): void {
    try {
      open(kind, number)
    } catch (error) {
      if (!isDamaged(error)) throw error
      const path = join(folder, fileName(kind, number))
      const moved = `${path}.damaged`
      log.error('a file of telemetry is damaged, and is set aside', { path: moved, error })
      for (const suffix of suffixes)
        if (existsSync(path + suffix)) renameSync(path + suffix, moved + suffix)
    }
  }

  function newestOf(kind: RecordKind): Partition | undefined {
    return [...ofKind(kind).values()].at(-1)
  }

  /** Also when the clock was set back, the next one begins: its days are not in order then, but the ids still are. */
  function isOfToday(partition: Partition | undefined): partition is Partition {
    return partition !== undefined && dayOf(partition.createdAtMs) === dayOf(now())
  }

  function beginning(kind: RecordKind): Promise<void> {
    const running = beginnings.get(kind) ?? begin(kind)
    beginnings.set(kind, running)
    return running
  }

  /** Leaves no half of a file, which could not be opened either as long as the disk is full. */
  function openNew(kind: RecordKind, number: number): void {
    try {
      open(kind, number)
    } catch (error) {
      removeFile(join(folder, fileName(kind, number)))
      throw error
    }
  }

  async function begin(kind: RecordKind): Promise<void> {
    const before = newestOf(kind)
    try {
      // The next goes on with its ids and marks.
      await before?.settled()
      const [number = 0] = [...ofKind(kind).keys()].slice(-1)
      openNew(kind, number + 1)
    } catch (error) {
      throw diskErrorOf(error)
    } finally {
      beginnings.delete(kind)
    }
    before?.rest().catch(() => {}) // closing it does the same
  }

  return {
    of: (kind) => [...ofKind(kind).values()],
    async write(kind, arrival) {
      for (;;) {
        const newest = newestOf(kind)
        if (isOfToday(newest) && !beginnings.has(kind)) return newest.write(arrival)
        await beginning(kind)
      }
    },
    lastId: (kind) => newestOf(kind)?.lastId() ?? startId,
    async drop(kind, partition) {
      const partitions = ofKind(kind)
      for (const [number, one] of partitions) if (one === partition) partitions.delete(number)
      await partition[Symbol.asyncDispose]()
      removeFile(partition.path)
    },
    async [Symbol.asyncDispose]() {
      const all = [...opened.values()].flatMap((partitions) => [...partitions.values()])
      await Promise.all(all.map((partition) => partition[Symbol.asyncDispose]()))
    },
  }
}

/** What SQLite keeps beside a file is called after it. */
const suffixes = ['', '-wal', '-shm']

function removeFile(path: string): void {
  for (const suffix of suffixes) rmSync(path + suffix, { force: true })
}

function dayOf(ms: number): number {
  return Math.floor(ms / dayMs)
}

function fileName(kind: RecordKind, number: number): string {
  return `${kind}-${String(number).padStart(6, '0')}.db`
}

/** Of the partitions of a kind, ascending. */
function numbersIn(folder: string, kind: RecordKind): number[] {
  return readdirSync(folder)
    .flatMap((name) => partitionNameOf(name) ?? [])
    .filter((name) => name.kind === kind)
    .map(({ number }) => number)
    .sort((a, b) => a - b)
}

/** Undefined for a file that is none. */
function partitionNameOf(name: string): { kind: string; number: number } | undefined {
  const [, kind, number] = /^([a-z]+)-(\d+)\.db$/.exec(name) ?? []
  return kind === undefined ? undefined : { kind, number: Number(number) }
}
