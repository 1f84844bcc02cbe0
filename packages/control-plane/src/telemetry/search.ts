import type { DatabaseSync } from 'node:sqlite'
import { describeError } from '@plexd/runtime'
import { isDamaged } from '../store/sqlite-error.ts'
import { createMatcher, factsOf, fold, type RecordFilter } from './packs/matcher.ts'
import { recordsOf, storedText } from './packs/pack.ts'
import { mayContain } from './packs/word-filter.ts'
import { damagedPack } from './partition-tables.ts'
import { createSelection, type Selection } from './selection.ts'
import type { FoundRecord, RecordSearch } from './store.ts'

/** A search as it is sent to the thread that does it. */
export type PlainSearch = Omit<RecordSearch, 'signal'>

export interface SearchCaller {
  /** Called between two packs: waits so that others have their turn, and throws to end the search. */
  pause(): Promise<void>
  /** What was found in the database cannot be right. The search goes on, if it does not reject with the same. */
  onDamage(database: DatabaseSync, reason: string): void
}

/**
 * Searches partitions, the oldest first in the list. Reads those packs that can contain a record of the search, in its order, and ends
 * when no further one can be among the first. Holds the records that it returns, as many again, and one pack.
 */
export async function searchPartitions(
  databases: readonly DatabaseSync[],
  query: PlainSearch,
  caller: SearchCaller,
): Promise<FoundRecord[]> {
  const selection = createSelection(query)
  for (const database of query.order === 'newest' ? databases.toReversed() : databases)
    await searchOne(database, { query, selection, caller }).catch((error: unknown) => {
      if (isDamaged(error)) caller.onDamage(database, describeError(error))
      throw error
    })
  return selection.result()
}

interface Searching {
  query: PlainSearch
  selection: Selection
  caller: SearchCaller
}

async function searchOne(
  database: DatabaseSync,
  { query, selection, caller }: Searching,
): Promise<void> {
  const isWanted = createPackFilter(query)
  const find = createFinder(query)
  const selectHead = database.prepare(
    'select last_id, count, tenant_id, node_id, received_at, units, severities, is_escaped, words from packs where last_id = ?',
  )
  const selectBody = database.prepare('select body from packs where last_id = ?')
  for (const { last_id, first } of candidates(database, query)) {
    if (!selection.wants(first)) return
    await caller.pause()
    const head = selectHead.get(last_id) as PackHead | undefined // its columns
    // It may have been removed meanwhile.
    if (!head || !isWanted(head)) continue
    const body = selectBody.get(last_id)?.body
    if (!(body instanceof Uint8Array)) continue
    const text = storedText(body)
    if (text === undefined) caller.onDamage(database, damagedPack(last_id))
    else for (const record of find(head, text)) selection.add(record)
  }
}

/** What one has to know of a pack to search its records. */
interface PackPlace {
  last_id: number
  count: number
  node_id: string
  received_at: number
  is_escaped: number
}

/** What is known of a pack without its body. */
export interface PackHead extends PackPlace {
  tenant_id: string
  units: string | null
  severities: string | null
  words: Uint8Array
}

export interface PackToSearch extends PackPlace {
  body: Uint8Array
}

/** What a search wants of each record. */
export type PackSearch = RecordFilter & Pick<RecordSearch, 'kind'>

/** All records of the search in packs that were read already. */
export async function searchPacks(
  packs: readonly PackToSearch[],
  query: PackSearch,
  { pause, onDamage }: Pick<SearchCaller, 'pause'> & { onDamage(reason: string): void },
): Promise<FoundRecord[]> {
  const find = createFinder(query)
  const found: FoundRecord[] = []
  for (const pack of packs) {
    await pause()
    const text = storedText(pack.body)
    if (text === undefined) onDamage(damagedPack(pack.last_id))
    else found.push(...find(pack, text))
  }
  return found
}

interface Candidate {
  last_id: number
  /** The time of the record of the pack that comes first in the order. */
  first: number
}

/** The packs of the time, by the first of their records. */
function candidates(
  database: DatabaseSync,
  { tenant_id, node_ids, sinceMs, untilMs, order, after }: PlainSearch,
): Iterable<Candidate> {
  const [by, direction] = order === 'newest' ? ['max_at', 'desc'] : ['min_at', 'asc']
  const owner = node_ids ? 'node_id in (select value from json_each(?))' : 'tenant_id = ?'
  const statement = database.prepare(
    `select last_id, ${by} as first from packs where ${owner} and max_at >= ? and min_at <= ? order by ${by} ${direction}`,
  )
  const since = order === 'oldest' && after ? Math.max(sinceMs, after.at) : sinceMs
  const until = order === 'newest' && after ? Math.min(untilMs, after.at) : untilMs
  const id = node_ids ? JSON.stringify(node_ids) : tenant_id
  return statement.iterate(id, since, until) as unknown as Iterable<Candidate> // its columns
}

/** Whether a record of the search can be in a pack, by what is known of it without its body. */
export function createPackFilter({ tenant_id, units, severities, grep }: PlainSearch) {
  const needle = fold(grep ?? '')
  return (head: PackHead): boolean =>
    head.tenant_id === tenant_id &&
    hasOneOf(head.units, units) &&
    hasOneOf(head.severities, severities) &&
    mayContain(head.words, needle)
}

/** `listed` is null if these are too many to tell. */
function hasOneOf(listed: string | null, wanted: readonly string[] | undefined): boolean {
  if (listed === null || !wanted) return true
  const values: readonly string[] = JSON.parse(listed)
  return wanted.some((value) => value === '' || values.includes(value))
}

/** Finds the records of a search in the text of a pack. */
function createFinder(query: PackSearch) {
  const { kind } = query
  const matches = createMatcher(query)
  const needle = fold(query.grep ?? '')
  // As JSON has it; of kinds other than logs the JSON itself is searched.
  const written = kind === 'logs' ? JSON.stringify(needle).slice(1, -1) : needle
  // Between the message and the fields, and in them, there is other punctuation in JSON than in what one reads.
  const isPhrase = /[\s="\\]/.test(needle)
  const hasFields = (text: string): boolean => text.includes('"fields"')
  return function* (head: PackPlace, text: string): Generator<FoundRecord> {
    const isAsWritten = kind !== 'logs' || (head.is_escaped === 0 && !(isPhrase && hasFields(text)))
    const canSkip = needle !== '' && isAsWritten
    if (canSkip && !fold(text).includes(written)) return
    const firstId = head.last_id - head.count + 1
    for (const [index, record] of recordsOf(text).entries()) {
      if (canSkip && !fold(record).includes(written)) continue
      const facts = factsOf(kind, record)
      const at = Number.isNaN(facts.at) ? head.received_at : facts.at
      const { node_id, received_at } = head
      if (matches({ ...facts, at })) yield { id: firstId + index, node_id, received_at, record, at }
    }
  }
}
