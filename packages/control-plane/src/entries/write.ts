import { ApiError, newId } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { EntryKind } from '../mesh/entry-scope.ts'
import {
  deleteEntry,
  type EntryContent,
  type EntryHead,
  nextVersion,
  putEntry,
  readEntries,
  readTargets,
  type StoredEntry,
} from '../rows/entries.ts'
import { entryKinds } from './kinds.ts'
import { notifyEntryChange } from './notify.ts'
import { refuseOverfull } from './refuse-overfull.ts'
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
  await refuseOverfull(unit, limits, { tenant_id, kind, old, row })
  const after = [...before.filter(({ id }) => id !== row.id), row]
  notifyEntryChange(unit, kind, { tenant_id, target, before, after })
  return row
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
