import { ApiError, newId } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { EntryKind } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import {
  bytesOf,
  deleteEntry,
  type EntryContent,
  type EntryHead,
  nextVersion,
  putEntry,
  readEntries,
  readSizes,
  readTargets,
  type StoredEntry,
} from '../rows/entries.ts'
import { entryKinds } from './kinds.ts'
import { notifyEntryChange } from './notify.ts'
import { firstOverfull, type Room, roomFor } from './room.ts'
import { rowFor } from './target.ts'

/** Which entry an operator means. */
export interface EntryName {
  tenant_id: string
  key: string
  /** As `readTarget` gives it. */
  target: string
}

/** What is to be in it. */
export interface Writing<Kind extends EntryKind> extends EntryName {
  /** Writing the same content again changes nothing: no new version, no events. */
  isSame(old: StoredEntry<Kind>): boolean
  contentFor(target: string): EntryContent[Kind]
}

/** Writes an entry, or the content of one that is there, and tells its nodes. Throws an ApiError (413). */
export async function writeEntry<Kind extends EntryKind>(
  unit: Unit,
  limits: Limits,
  kind: Kind,
  { tenant_id, key, target: meant, isSame, contentFor }: Writing<Kind>,
): Promise<StoredEntry<Kind>> {
  const before = await readEntries(unit.tx, kind, { tenantId: tenant_id, key })
  const old = rowFor(before, meant)
  if (old && isSame(old)) return old
  const target = old?.target ?? meant
  const head: EntryHead = {
    id: old?.id ?? newId('entry'),
    tenant_id,
    key,
    target,
    version: await nextVersion(unit.tx, { tenant_id, kind, key }),
    updated_at: unit.nowMs,
  }
  const row = { ...head, ...contentFor(target) }
  await putEntry(unit, kind, row)
  await refuseOverfull(unit, limits, kind, { old, row })
  const after = [...before.filter(({ id }) => id !== row.id), row]
  notifyEntryChange(unit, kind, { tenant_id, target, before, after })
  return row
}

/** Throws an ApiError (413) if `row`, written in place of `old`, takes a node over its limit; the transaction is then rolled back. */
async function refuseOverfull(
  unit: Unit,
  limits: Limits,
  kind: EntryKind,
  { old, row }: { old: EntryHead | undefined; row: EntryHead },
): Promise<void> {
  const room = roomFor(kind, limits)
  const after = await readSizes(unit.tx, kind, row.tenant_id)
  const rest = after.filter(({ key, target }) => key !== row.key || target !== row.target)
  const before = old ? [...rest, { ...old, bytes: bytesOf(old) }] : rest
  const overfull = firstOverfull(unit.fleet.nodes(row.tenant_id), { before, after }, room)
  if (overfull) throw refusal(kind, row, overfull, room)
}

function refusal(
  kind: EntryKind,
  row: EntryHead,
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

/** Deletes an entry and tells its nodes. Throws an ApiError (404). */
export async function removeEntry(
  unit: Unit,
  kind: EntryKind,
  { tenant_id, key, target: meant }: EntryName,
): Promise<void> {
  const before = await readTargets(unit.tx, kind, { tenantId: tenant_id, key })
  const row = rowFor(before, meant)
  if (!row)
    throw new ApiError('not_found', `there is no ${entryKinds[kind].noun} "${key}" for this target`)
  await deleteEntry(unit, kind, { id: row.id, tenant_id })
  const { target } = row
  const after = before.filter((entry) => entry !== row)
  notifyEntryChange(unit, kind, { tenant_id, target, before, after })
}
