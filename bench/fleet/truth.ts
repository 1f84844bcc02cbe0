import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decodeAudience } from '@plexd/control-plane'
import { adminApi, fillPath } from '@plexd/protocol'
import { openEventStream } from '@plexd/runtime/testing'
import { sequenceOf } from '../../test/support/ledger.ts'
import { inParallel } from './in-parallel.ts'
import type { Plane } from './plane.ts'

/** The ascending sequence numbers of all events addressed to each node, for comparison with its ledger. */
export type Truth = ReadonlyMap<string, readonly number[]>

/** From the file of our own control plane; from another one, or where there is no file, by reading the log of some nodes. */
export async function readTruth(plane: Plane, nodeIds: readonly string[]): Promise<Truth> {
  const file = plane.own && join(plane.own.dataDir, 'control-plane.db')
  if (file !== undefined && existsSync(file)) return fromDatabase(file, nodeIds)
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

function fromDatabase(path: string, nodeIds: readonly string[]): Truth {
  using database = new DatabaseSync(path, { readOnly: true })
  const wanted = new Set(nodeIds)
  const truth = new Map<string, number[]>(nodeIds.map((id) => [id, []]))
  const byNo: (number[] | undefined)[] = []
  for (const { no, id } of database.prepare('select no, id from nodes').iterate())
    if (wanted.has(String(id))) byNo[Number(no)] = truth.get(String(id))
  const events = database.prepare('select seq, audience from events order by seq')
  for (const { seq, audience } of events.iterate())
    for (const no of decodeAudience(audience as Uint8Array)) byNo[no]?.push(Number(seq)) // a blob column
  return truth
}
