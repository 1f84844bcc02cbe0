import { ApiError } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { readDataSizes } from '../rows/data-entries.ts'
import type { EntryTable } from '../rows/entries.ts'
import { readSecretMarks } from '../rows/secrets.ts'
import { firstOverfull, type Room, roomFor, type SizedEntry } from './room.ts'

/** An entry written in the transaction, with the one it replaced (same key and target). */
export interface WrittenEntry {
  tenant_id: string
  table: EntryTable
  old: SizedEntry | undefined
  row: ScopedEntry
}

/** Throws an ApiError (413) if the entry takes a node over its limit; the transaction is then rolled back. */
export async function refuseOverfull(
  unit: Unit,
  limits: Limits,
  written: WrittenEntry,
): Promise<void> {
  const room = roomFor(written.table, limits)
  const after = await readSizes(unit, written)
  const rest = after.filter(
    ({ key, target }) => key !== written.row.key || target !== written.row.target,
  )
  const before = written.old ? [...rest, written.old] : rest
  const overfull = firstOverfull(unit.fleet.nodes(written.tenant_id), { before, after }, room)
  if (overfull) throw refusal(written, overfull, room)
}

function refusal(
  { table, row }: WrittenEntry,
  { node, taken }: { node: NodeRecord; taken: Room },
  room: Room,
): ApiError {
  const [noun, name, limit] = nouns[table]
  const isTooMany = taken.entries > room.entries
  const would = isTooMany ? `${taken.entries} ${name}` : `${taken.bytes} bytes of ${name}`
  const bound = isTooMany ? `${limit} is ${room.entries}` : `node_data_bytes is ${room.bytes}`
  return new ApiError(
    'payload_too_large',
    `${noun} "${row.key.slice(0, 64)}" does not fit: node "${node.hostname}" would get ${would}, and ${bound}: delete others, or name fewer nodes`,
  )
}

const nouns = {
  data_entries: ['data entry', 'data entries', 'node_data_entries'],
  secrets: ['secret', 'secrets', 'node_secrets'],
} as const

async function readSizes({ tx }: Unit, { tenant_id, table }: WrittenEntry): Promise<SizedEntry[]> {
  if (table === 'data_entries') return readDataSizes(tx, tenant_id)
  return (await readSecretMarks(tx, tenant_id)).map((secret) => ({ ...secret, bytes: 0 }))
}
