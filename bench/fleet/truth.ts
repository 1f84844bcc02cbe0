import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decodeAudience } from '@plexd/control-plane'
import { adminApi, fillPath } from '@plexd/protocol'
import { openEventStream } from '@plexd/runtime/testing'
import { sequenceOf } from '../../test/support/events/ledger.ts'
import { inParallel } from './in-parallel.ts'
import type { Plane } from './plane.ts'

/** The ascending sequence numbers of all events addressed to each node, for comparison with its ledger. */
export type Truth = ReadonlyMap<string, readonly number[]>

/** From the database where it can be read; from another control plane, by reading the log of some nodes. */
export async function readTruth(plane: Plane, nodeIds: readonly string[]): Promise<Truth> {
  if (plane.query) return truthOf(nodeIds, fromServer(plane.query))
  const file = plane.own && join(plane.own.dataDir, 'control-plane.db')
  if (file !== undefined && existsSync(file)) {
    using database = new DatabaseSync(file, { readOnly: true })
    return truthOf(nodeIds, fromFile(database))
  }
  const some = nodeIds.slice(0, maxTails)
  const lists = await inParallel(some, 4, (nodeId) => fromTail(plane, nodeId))
  return new Map(some.map((nodeId, index) => [nodeId, lists[index] ?? []]))
}

/** Not more, because each reads the whole log. */
const maxTails = 50

async function fromTail(
  { admin, url, caFile, adminToken }: Plane,
  node: string,
): Promise<number[]> {
  const { body } = await admin.getNode({ params: { node } })
  const head = sequenceOf(body.revision)
  const path = `${fillPath(adminApi.tailEvents.path, { node })}?after=0`
  using stream = await openEventStream({ url, caFile, path, token: adminToken })
  const seqs: number[] = []
  while ((seqs.at(-1) ?? 0) < head) {
    const block = await stream.next(5_000).catch(() => undefined)
    // If the last event is pruned already, no other follows.
    if (!block) break
    seqs.push(sequenceOf(block.id))
  }
  return seqs
}

/** Who there is, and what was addressed to whom, in order. */
interface Log {
  nodes: Iterable<{ no: number; id: string }>
  events: Iterable<{ seq: number; audience: Uint8Array }>
}

function truthOf(nodeIds: readonly string[], { nodes, events }: Log): Truth {
  const truth = new Map<string, number[]>(nodeIds.map((id) => [id, []]))
  const byNo: (number[] | undefined)[] = []
  for (const { no, id } of nodes) byNo[no] = truth.get(id)
  for (const { seq, audience } of events)
    for (const no of decodeAudience(audience)) byNo[no]?.push(seq)
  return truth
}

const nodesInOrder = 'select no, id from nodes'
const eventsInOrder = 'from events order by seq'

function fromFile(database: DatabaseSync): Log {
  return {
    nodes: database.prepare(nodesInOrder).iterate() as Iterable<{ no: number; id: string }>, // its columns
    events: database.prepare(`select seq, audience ${eventsInOrder}`).iterate() as Log['events'],
  }
}

function fromServer(query: (statement: string) => string): Log {
  const rows = (statement: string): string[][] =>
    query(statement)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('|'))
  return {
    nodes: rows(nodesInOrder).map(([no, id = '']) => ({ no: Number(no), id })),
    events: rows(`select seq, encode(audience, 'hex') ${eventsInOrder}`).map(
      ([seq, audience = '']) => ({ seq: Number(seq), audience: Uint8Array.fromHex(audience) }),
    ),
  }
}
