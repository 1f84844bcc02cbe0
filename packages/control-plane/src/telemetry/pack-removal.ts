import type { SideDatabase } from '../store/side/side-database.ts'
import type { RecordSource } from './store.ts'

/** Removes packs of a partition, some at a time; each says how much went, which is nothing when there is no more to remove. */
export interface Removal {
  /** The oldest of a node, as long as more than `bytes` are to go. */
  removeOf(source: RecordSource, bytes: number): Promise<Removed>
  /** Those that were received before the time. */
  removeBefore(beforeMs: number): Promise<Removed>
}

export interface Removed {
  records: number
  bytes: number
}

/** The event loop waits for as many. */
const maxPacks = 200
/** What a row takes beside its body and its words. */
export const rowBytes = 160

/** `hold` is told of what a node has less. */
export function createRemoval(
  { database, patience, inTransaction }: SideDatabase,
  hold: (source: RecordSource, bytes: number) => void,
): Removal {
  const returned = `returning tenant_id, node_id, count, length(body) + length(words) + ${rowBytes} as bytes`
  const removeOf = database.prepare(
    `delete from packs where last_id in (
       select last_id from (
         select last_id, sum(bytes) over (order by last_id) - bytes as bytes_before from (
           select last_id, length(body) + length(words) + ${rowBytes} as bytes from packs
           where node_id = ? order by last_id limit ${maxPacks}))
       where bytes_before < ?) ${returned}`,
  )
  const removeBefore = database.prepare(
    `delete from packs where received_at < ? and last_id in (select last_id from packs order by last_id limit ${maxPacks}) ${returned}`,
  )

  /** Of packs that were removed. */
  function forget(rows: readonly Record<string, unknown>[]): Removed {
    const sum = { records: 0, bytes: 0 }
    for (const row of rows) {
      const bytes = Number(row.bytes)
      hold({ tenant_id: String(row.tenant_id), node_id: String(row.node_id) }, -bytes)
      sum.records += Number(row.count)
      sum.bytes += bytes
    }
    return sum
  }

  const forgetHoldings = database.prepare('delete from holdings where bytes <= 0')

  async function remove(statement: () => Record<string, unknown>[]): Promise<Removed> {
    const gone = await inTransaction(() => {
      const removed = forget(statement())
      if (removed.records > 0) forgetHoldings.run()
      return removed
    })
    if (gone.records > 0) await patience(() => database.exec('pragma incremental_vacuum(1000)'))
    return gone
  }

  return {
    removeOf: ({ node_id }, bytes) => remove(() => removeOf.all(node_id, bytes)),
    removeBefore: (beforeMs) => remove(() => removeBefore.all(beforeMs)),
  }
}
