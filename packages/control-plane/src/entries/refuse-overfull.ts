import { ApiError } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { EntryKind } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { bytesOf, type EntryHead, readSizes } from '../rows/entries.ts'
import { entryKinds } from './kinds.ts'
import { firstOverfull, type Room, roomFor } from './room.ts'

/** An entry written in the transaction, with the one it replaced (same key and target). */
export interface WrittenEntry {
  tenant_id: string
  kind: EntryKind
  old: EntryHead | undefined
  row: EntryHead
}

/** Throws an ApiError (413) if the entry takes a node over its limit; the transaction is then rolled back. */
export async function refuseOverfull(
  unit: Unit,
  limits: Limits,
  written: WrittenEntry,
): Promise<void> {
  const room = roomFor(written.kind, limits)
  const after = await readSizes(unit.tx, written.kind, written.tenant_id)
  const rest = after.filter(
    ({ key, target }) => key !== written.row.key || target !== written.row.target,
  )
  const { old } = written
  const before = old ? [...rest, { ...old, bytes: bytesOf(old) }] : rest
  const overfull = firstOverfull(unit.fleet.nodes(written.tenant_id), { before, after }, room)
  if (overfull) throw refusal(written, overfull, room)
}

function refusal(
  { kind, row }: WrittenEntry,
  { node, taken }: { node: NodeRecord; taken: Room },
  room: Room,
): ApiError {
  const { noun, nouns, limit } = entryKinds[kind]
  const isTooMany = taken.entries > room.entries
  const would = isTooMany ? `${taken.entries} ${nouns}` : `${taken.bytes} bytes of ${nouns}`
  const bound = isTooMany ? `${limit} is ${room.entries}` : `node_data_bytes is ${room.bytes}`
  return new ApiError(
    'payload_too_large',
    `${noun} "${row.key.slice(0, 64)}" does not fit: node "${node.hostname}" would get ${would}, and ${bound}: delete others, or name fewer nodes`,
  )
}
