import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Log, silentLog } from '@plexd/runtime'
import { limits } from '../limits.ts'
import { removeDatabase } from '../store/side/set-aside.ts'
import { diskErrorOf, isDamaged } from '../store/sqlite-error.ts'
import type { OnStep } from '../store/start-step.ts'
import type { Arrival, Written } from './pack-writer.ts'
import { type RecordKind, recordKinds } from './packs/kinds.ts'
import { openPartition, type Partition } from './partition.ts'
import type { Mark, NewPartition } from './partition-tables.ts'

/** The partitions of all kinds, as files of one folder, all of which are open. */
export interface Partitions extends AsyncDisposable {
  /** The oldest first. Ids grow from each to the next. */
  of(kind: RecordKind): Partition[]
  /** Into the partition of today; another one begins each day. Rejects as `Partition.write` does. */
  write(kind: RecordKind, arrival: Arrival): Promise<Written>
  /** Behind all records of the kind. */
  lastId(kind: RecordKind): number
  /** Closes it, deletes its file, and says how many records it had. Never the last of its kind, which knows how far nodes have come. */
  drop(kind: RecordKind, partition: Partition): Promise<number>
}

export interface PartitionsOptions {
  now(): number
  lockWaitMs?: number | undefined
  /** After how long the next partition begins: a day. */
  fileMs?: number | undefined
  log?: Pick<Log, 'warn'>
  onStep?: OnStep | undefined
  /** Behind which the ids of a kind begin that has no partition yet. */
  startId?: number | undefined
  /** Whether a node may still send: marks of others do not go on into the next partition. */
  isNode?: ((id: string) => boolean) | undefined
}

export function openPartitions(
  folder: string,
  {
    now,
    lockWaitMs,
    fileMs = limits.telemetry_file_ms.default,
    log = silentLog,
    onStep,
    startId = 0,
    isNode = () => true,
  }: PartitionsOptions,
): Partitions {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const opened = new Map<RecordKind, Map<number, Partition>>()
  /** Partitions that are about to begin. */
  const beginnings = new Map<RecordKind, Promise<void>>()
  /** To which nothing is written any more: damage was met in them. */
  const retired = new WeakSet<Partition>()

  for (const kind of recordKinds) for (const number of numbersIn(folder, kind)) open(kind, number)

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
      marks: before ? marksOf(before).filter(({ node_id }) => isNode(node_id)) : [],
    })
    const path = join(folder, fileName(kind, number))
    const partition = openPartition(path, { lockWaitMs, log, onStep, created })
    opened.set(kind, partitions.set(number, partition))
    return partition
  }

  function newestOf(kind: RecordKind): Partition | undefined {
    return [...ofKind(kind).values()].at(-1)
  }

  /** Also when the clock was set back, the next one begins: its days are not in order then, but the ids still are. */
  function isOfToday(partition: Partition | undefined): partition is Partition {
    const dayOf = (ms: number): number => Math.floor(ms / fileMs)
    return (
      partition !== undefined &&
      dayOf(partition.createdAtMs) === dayOf(now()) &&
      !retired.has(partition)
    )
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
      removeDatabase(join(folder, fileName(kind, number)))
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
        if (isOfToday(newest) && !beginnings.has(kind)) {
          const written = await newest.write(arrival).catch((error: unknown) => {
            if (!isDamaged(error)) throw error
            retired.add(newest)
          })
          if (written) return written
        } else await beginning(kind)
      }
    },
    lastId: (kind) => newestOf(kind)?.lastId() ?? startId,
    async drop(kind, partition) {
      const partitions = ofKind(kind)
      const records = partition.count()
      for (const [number, one] of partitions) if (one === partition) partitions.delete(number)
      await partition[Symbol.asyncDispose]()
      removeDatabase(partition.path)
      return records
    },
    async [Symbol.asyncDispose]() {
      const all = [...opened.values()].flatMap((partitions) => [...partitions.values()])
      await Promise.all(all.map((partition) => partition[Symbol.asyncDispose]()))
    },
  }
}

/** None if they cannot be read: then a node may store its last batch twice. */
function marksOf(partition: Partition): Mark[] {
  try {
    return partition.marks()
  } catch (error) {
    if (!isDamaged(error)) throw error
    return []
  }
}

function fileName(kind: RecordKind, number: number): string {
  return `${kind}-${String(number).padStart(6, '0')}.db`
}

/** Of the partitions of a kind, ascending. */
function numbersIn(folder: string, kind: RecordKind): number[] {
  const numbers = readdirSync(folder)
    .flatMap((name) => partitionNameOf(name) ?? [])
    .filter((name) => name.kind === kind)
    .map(({ number }) => number)
  return [...new Set(numbers)].sort((a, b) => a - b)
}

/** Undefined for a file that is none. One that was damaged may have been put together, and not be in its place yet. */
function partitionNameOf(name: string): { kind: string; number: number } | undefined {
  const [, kind, number] = /^([a-z]+)-(\d+)\.db(?:\.salvaged)?$/.exec(name) ?? []
  return kind === undefined ? undefined : { kind, number: Number(number) }
}
