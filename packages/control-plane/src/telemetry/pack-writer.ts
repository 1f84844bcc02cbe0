import type { BatchPosition } from '@plexd/protocol'
import type { SideDatabase } from '../store/side/side-database.ts'
import { rowBytes } from './pack-removal.ts'
import type { RecordKind } from './packs/kinds.ts'
import { type Pack, spanOf, withoutKnown } from './packs/pack.ts'
import type { RecordSource } from './store.ts'

/** What is written at once: a pack, and how far the node has come with it. */
export interface Arrival {
  source: RecordSource
  receivedAtMs: number
  pack: Pack
  /** Whose queue the position is in: a node. */
  position: (BatchPosition & { of: string }) | undefined
}

/** What is new of a pack; `pack` is undefined if the node has sent all of it before. */
export interface Written {
  pack: Pack | undefined
  firstId: number
}

/** Adds packs to a partition. */
export interface PackWriter {
  /** In the order of the calls. */
  write(arrival: Arrival): Promise<Written>
  /** Resolves when all writes so far are done. */
  settled(): Promise<unknown>
  lastId(): number
  /** What a node has more, or less if it is negative. */
  hold(source: RecordSource, bytes: number): void
}

/** Records of one group of writes: the event loop waits for each. */
const maxGroupRecords = 20_000

export function createPackWriter(side: SideDatabase, kind: RecordKind): PackWriter {
  const { database } = side
  const insert = database.prepare(
    'insert into packs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const addBytes = database.prepare(
    'insert into holdings values (?, ?, ?) on conflict do update set bytes = bytes + excluded.bytes',
  )
  const selectMark = database.prepare('select epoch, next from marks where node_id = ?')
  const setMark = database.prepare(
    `insert into marks values (?, ?, ?) on conflict do update set
     next = iif(epoch = excluded.epoch, max(next, excluded.next), excluded.next), epoch = excluded.epoch`,
  )
  const selectLastId = database.prepare("select seq from sqlite_sequence where name = 'packs'")
  const storedLastId = (): number => Number(selectLastId.get()?.seq ?? 0)
  let lastId = storedLastId()
  let settled: Promise<unknown> = Promise.resolve()

  const enqueue = side.createWriter({
    write: writePack,
    sizeOf: ({ pack }: Arrival) => pack.count,
    maxGroupSize: maxGroupRecords,
  })

  /** In a transaction: what is new of the pack, and the mark behind it. */
  function writePack({ source, receivedAtMs, pack: sent, position }: Arrival): Written {
    const pack = position ? withoutKnown(kind, sent, knownOf(position)) : sent
    if (position) setMark.run(position.of, position.epoch, position.first + sent.to)
    const firstId = lastId + 1
    if (pack) {
      lastId += pack.count
      insertPack(lastId, source, receivedAtMs, pack)
    }
    return { pack, firstId }
  }

  /** How many places at the beginning of a batch the node has sent before. */
  function knownOf({ of, epoch, first }: BatchPosition & { of: string }): number {
    const mark = selectMark.get(of)
    return mark?.epoch === epoch ? Number(mark.next) - first : 0
  }

  function insertPack(id: number, source: RecordSource, at: number, pack: Pack): void {
    const { count, times, units, severities, isEscaped, words, body } = pack
    const { minMs, maxMs } = spanOf(times, at)
    insert.run(
      id,
      count,
      source.tenant_id,
      source.node_id,
      at,
      minMs,
      maxMs,
      units ? JSON.stringify(units) : null,
      severities ? JSON.stringify(severities) : null,
      Number(isEscaped),
      words,
      body,
      pack.textBytes,
    )
    hold(source, body.length + words.length + rowBytes)
  }

  function hold({ tenant_id, node_id }: RecordSource, bytes: number): void {
    addBytes.run(tenant_id, node_id, bytes)
  }

  return {
    write(arrival) {
      const written = enqueue(arrival).catch((error: unknown) => {
        // Otherwise a cursor could be ahead of what is stored, and after a restart miss what comes.
        lastId = storedLastId()
        throw error
      })
      settled = written.catch(() => {}) // reported to its caller
      return written
    },
    settled: () => settled,
    lastId: () => lastId,
    hold,
  }
}
