import { type RawBuilder, sql } from 'kysely'
import type { RecordKind } from '../packs/kinds.ts'
import {
  createPackFilter,
  type PackHead,
  type PackSearch,
  type PackToSearch,
  type PlainSearch,
} from '../search.ts'
import type { Searcher } from '../searcher.ts'
import { createSelection, type Selection } from '../selection.ts'
import type { FoundRecord, RecordSearch } from '../store.ts'
import { type Candidate, candidates } from './candidates.ts'
import type { Connection } from './head.ts'

/** Bytes of texts that the thread is given at once. */
const maxTextBytes = 2 * 1024 * 1024

type Head = PackHead & { text_bytes: number }
type Wanted = Candidate & { head: Head }

/**
 * Reads those packs that can contain a record of the search, in its order, and ends when no further one can be among the first. All in one transaction, whose
 * cursor knows the place. The thread unpacks and looks, so that the event loop has only to carry. Holds the records that it returns,
 * as many again, and some packs.
 */
export async function searchPacks(
  db: Connection,
  searcher: Searcher,
  { signal, ...query }: RecordSearch,
): Promise<FoundRecord[]> {
  const selection = createSelection(query)
  const isWanted = createPackFilter(query)
  const ofRecords = packSearch(query)
  await db.transaction().execute(async (tx) => {
    for await (const some of candidates(tx, query)) {
      signal?.throwIfAborted()
      const heads = await readHeads(tx, query.kind, some)
      const wanted = some.flatMap((candidate): Wanted[] => {
        const head = heads.get(candidate.last_id)
        return head && isWanted(head) ? [{ ...candidate, head }] : []
      })
      for (const group of groupsOf(wanted)) {
        const packs = await readBodies(tx, query.kind, stillWanted(group, selection))
        signal?.throwIfAborted()
        if (packs.length > 0)
          for (const record of await searcher.search({ query: ofRecords, packs }, signal))
            selection.add(record)
      }
      const last = some.at(-1)
      if (last && !selection.wants(last.first)) return
    }
  })
  return selection.result()
}

function stillWanted(group: readonly Wanted[], selection: Selection): Wanted[] {
  return group.filter(({ first }) => selection.wants(first))
}

/** Without what a thread need not know. */
function packSearch({ kind, sinceMs, untilMs, units, severities, grep }: PlainSearch): PackSearch {
  return { kind, sinceMs, untilMs, units, severities, grep }
}

async function readHeads(
  tx: Connection,
  kind: RecordKind,
  some: readonly Candidate[],
): Promise<Map<number, Head>> {
  const { rows } = await sql<Head>`
    select last_id, count, tenant_id, node_id, received_at, units, severities, is_escaped, words, text_bytes
    from telemetry_packs where ${areThese(kind, some)}`.execute(tx)
  return new Map(rows.map((head) => [head.last_id, head]))
}

async function readBodies(
  tx: Connection,
  kind: RecordKind,
  wanted: readonly Wanted[],
): Promise<PackToSearch[]> {
  if (wanted.length === 0) return []
  const { rows } = await sql<PackToSearch>`
    select last_id, count, node_id, received_at, is_escaped, body
    from telemetry_packs where ${areThese(kind, wanted)}`.execute(tx)
  return rows
}

function areThese(kind: RecordKind, some: readonly Candidate[]): RawBuilder<unknown> {
  const numbers = [...new Set(some.map(({ number }) => number))]
  const ids = some.map(({ last_id }) => last_id)
  return sql`kind = ${kind} and number = any(${numbers}) and last_id = any(${ids})`
}

/** In order, one at least in each. */
function groupsOf(wanted: readonly Wanted[]): Wanted[][] {
  const groups: Wanted[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const one of wanted) {
    bytes += one.head.text_bytes
    if (bytes > maxTextBytes) {
      groups.push([])
      bytes = one.head.text_bytes
    }
    groups.at(-1)?.push(one)
  }
  return groups
}
