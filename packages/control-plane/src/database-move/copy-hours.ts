import { describeError } from '@plexd/runtime'
import { reasonOf } from '../store/nothing-changed.ts'
import type { SideDatabase } from '../store/side/side-database.ts'
import { isDamaged } from '../store/sqlite-error.ts'
import {
  hourColumns,
  type MovedHours,
  type StoredHour,
} from '../telemetry/series/stores/postgres/moved-hours.ts'
import { inPages } from './pages.ts'
import { type CopiedPart, createPartDigest, demandSamePart } from './part-digest.ts'

/** Copies the series that are kept, and how far telemetry is in them, and reads them again there. */
export async function copyHours(
  source: Pick<SideDatabase, 'database' | 'noteDamage'>,
  target: MovedHours,
  beforeMs: number,
): Promise<CopiedPart> {
  try {
    const [ofSource, ofTarget] = [createPartDigest(hourColumns), createPartDigest(hourColumns)]
    for (const page of inPages(hoursIn(source, beforeMs), ({ data }) => data.length)) {
      for (const hour of page) ofSource.add({ ...hour }, measure(hour))
      await target.put(page)
    }
    for await (const page of target.hours())
      for (const hour of page) ofTarget.add({ ...hour }, measure(hour))
    await target.settle(progressOf(source))
    return demandSamePart({
      kind: 'series',
      source: ofSource.result(),
      target: ofTarget.result(),
    })
  } catch (error) {
    if (isDamaged(error)) source.noteDamage(describeError(error))
    const remedy = isDamaged(error) ? ': try again, which saves what can be read of them' : ''
    throw new Error(`copying series of metrics${remedy}`, { cause: reasonOf(error) })
  }
}

const measure = ({ data }: StoredHour) => ({ items: 1, bytes: data.length })

function hoursIn(
  { database }: Pick<SideDatabase, 'database'>,
  beforeMs: number,
): Iterable<StoredHour> {
  return database
    .prepare(
      `select ${hourColumns.join(', ')} from hours where start_ms >= ? order by node_id, start_ms`,
    )
    .iterate(beforeMs) as Iterable<unknown> as Iterable<StoredHour> // its columns
}

function progressOf({ database }: Pick<SideDatabase, 'database'>) {
  const marks = database.prepare('select node_id, last_id from marks').all()
  return {
    lastId: Number(database.prepare('select cursor from cursors').get()?.cursor ?? 0),
    marks: new Map(marks.map(({ node_id, last_id }) => [String(node_id), Number(last_id)])),
  }
}
