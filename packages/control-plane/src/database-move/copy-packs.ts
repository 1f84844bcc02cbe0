import { describeError } from '@plexd/runtime'
import { reasonOf } from '../store/nothing-changed.ts'
import { isDamaged } from '../store/sqlite-error.ts'
import { recordKinds } from '../telemetry/packs/kinds.ts'
import type { Partition } from '../telemetry/partition.ts'
import type { Partitions } from '../telemetry/partitions.ts'
import { type MovedPacks, packColumns, type StoredPack } from '../telemetry/postgres/moved-packs.ts'
import { inPages } from './pages.ts'
import { type CopiedPart, createPartDigest, demandSamePart } from './part-digest.ts'

export interface PacksOptions {
  /** What came before is not copied: it would go at once. */
  beforeMs: number
  onProgress: (text: string) => void
}

/** Copies all records that are kept, with their ids, and reads them again there. */
export async function copyPacks(
  source: Partitions,
  target: MovedPacks,
  options: PacksOptions,
): Promise<CopiedPart[]> {
  const parts: CopiedPart[] = []
  for (const kind of recordKinds) {
    const partitions = source.of(kind)
    const newest = partitions.at(-1)
    if (!newest) continue
    // The newest also without a record: ids and marks go on from it.
    for (const partition of partitions)
      if (partition === newest || partition.lastReceivedAtMs() >= options.beforeMs)
        parts.push(await copyPartition({ kind, partition }, target, options))
    await target.settle(kind, { lastId: newest.lastId(), marks: newest.marks() })
  }
  return parts
}

interface Source {
  kind: (typeof recordKinds)[number]
  partition: Partition
}

async function copyPartition(
  { kind, partition }: Source,
  target: MovedPacks,
  { beforeMs, onProgress }: PacksOptions,
): Promise<CopiedPart> {
  const day = new Date(partition.createdAtMs).toISOString().slice(0, 10)
  const work = `copying ${kind} of ${day}`
  try {
    const tell = createTeller(work, sizeOfPartition(partition), onProgress)
    const number = await target.begin(kind, partition.createdAtMs)
    const [ofSource, ofTarget] = [createPartDigest(packColumns), createPartDigest(packColumns)]
    for (const page of inPages(packsIn(partition, beforeMs), sizeOf)) {
      for (const pack of page) ofSource.add({ ...pack }, measure(pack))
      await target.put(kind, number, page)
      tell(page)
    }
    onProgress(`reading ${kind} of ${day} again`)
    for await (const page of target.packsOf(kind, number))
      for (const pack of page) ofTarget.add({ ...pack }, measure(pack))
    return demandSamePart({ kind, day, source: ofSource.result(), target: ofTarget.result() })
  } catch (error) {
    if (isDamaged(error)) partition.noteDamage(describeError(error))
    const remedy = isDamaged(error) ? ': try again, which saves what can be read of it' : ''
    throw new Error(`${work}${remedy}`, { cause: reasonOf(error) })
  }
}

function packsIn({ database }: Partition, beforeMs: number): Iterable<StoredPack> {
  return database
    .prepare(`select ${packColumns.join(', ')} from packs where received_at >= ? order by last_id`)
    .iterate(beforeMs) as Iterable<unknown> as Iterable<StoredPack> // its columns
}

const measure = (pack: StoredPack) => ({ items: pack.count, bytes: sizeOf(pack) })

function sizeOf({ body, words }: StoredPack): number {
  return body.length + words.length
}

function sizeOfPartition(partition: Partition): number {
  return partition.tenantBytes().reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Between two words to who waits. */
const tellBytes = 128 * 1024 * 1024

function createTeller(work: string, total: number, onProgress: (text: string) => void) {
  let done = 0
  let told = 0
  onProgress(`${work}, ${mebibytes(total)}`)
  return (page: readonly StoredPack[]): void => {
    done += page.reduce((sum, pack) => sum + sizeOf(pack), 0)
    if (done - told < tellBytes) return
    told = done
    onProgress(`${work}, ${mebibytes(done)} of ${mebibytes(total)}`)
  }
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`
