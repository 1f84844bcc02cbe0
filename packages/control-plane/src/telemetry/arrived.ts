import { arrivedFactsOf } from './packs/matcher.ts'
import { type Pack, recordsOf, textOf } from './packs/pack.ts'
import type { IdentifySeries } from './packs/samples.ts'
import type { ArrivedBatch } from './store.ts'

/** What followers are told of a pack that is stored. Most are looked into by nobody. */
export function arrivedBatch(
  pack: Pick<Pack, 'body'>,
  identify: IdentifySeries,
  head: Omit<ArrivedBatch, 'records' | 'facts'>,
): ArrivedBatch {
  let records: readonly string[] | undefined
  let facts: ArrivedBatch['facts'] | undefined
  return {
    ...head,
    get records() {
      records ??= recordsOf(textOf(pack.body))
      return records
    },
    get facts() {
      facts ??= this.records.map((record) => arrivedFactsOf(head.kind, record, identify))
      return facts
    },
  }
}
