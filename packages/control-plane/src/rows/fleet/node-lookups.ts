import type { Capabilities, NskFormat } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'

/** The sealed secrets of a node, with the hash of the NSK in `nsk_sealed`. */
export interface NodeSeals {
  nsk_format: NskFormat
  nsk_hash: string
  nsk_sealed: string
  next_secrets_sealed: string | null
}

export function readNodeSeals(reader: Reader, id: string): Promise<NodeSeals | undefined> {
  return nodeWith(reader, id)
    .select(['nsk_format', 'nsk_hash', 'nsk_sealed', 'next_secrets_sealed'])
    .executeTakeFirst()
}

function nodeWith(reader: Reader, id: string) {
  return reader.selectFrom('nodes').where('id', '=', id)
}

/** Whether these capabilities are the ones already stored. */
export async function hasSaid(
  reader: Reader,
  id: string,
  capabilities: Capabilities,
): Promise<boolean> {
  const row = await nodeWith(reader, id).select('capabilities').executeTakeFirst()
  return row?.capabilities === JSON.stringify(capabilities)
}

/** What these nodes announced, as JSON text; null for nothing. */
export function readCapabilitiesOf(
  reader: Reader,
  ids: readonly string[],
): Promise<{ id: string; capabilities: string | null }[]> {
  return reader.selectFrom('nodes').select(['id', 'capabilities']).where('id', 'in', ids).execute()
}

/** All nodes, of all tenants, with some of these capabilities and not removed, in order of registration. */
export async function readAllUnconfirmed(
  reader: Reader,
): Promise<{ id: string; keys: string[] }[]> {
  const rows = await reader
    .selectFrom('nodes')
    .select(['id', 'labels_unconfirmed'])
    .where('removed_at', 'is', null)
    .where('labels_unconfirmed', '<>', '[]')
    .orderBy('no')
    .execute()
  return rows.map(({ id, labels_unconfirmed }) => ({ id, keys: keysOf(labels_unconfirmed) }))
}

export async function readUnconfirmedOf(reader: Reader, id: string): Promise<string[]> {
  const row = await nodeWith(reader, id).select('labels_unconfirmed').executeTakeFirst()
  return keysOf(row?.labels_unconfirmed ?? '[]')
}

function keysOf(labels_unconfirmed: string): string[] {
  return JSON.parse(labels_unconfirmed) as string[] // written by us
}

/** When nodes that are not removed were last seen. */
export function readLastSeen(
  reader: Reader,
): Promise<{ no: number; last_seen_at: number | null }[]> {
  return reader
    .selectFrom('nodes')
    .select(['no', 'last_seen_at'])
    .where('removed_at', 'is', null)
    .execute()
}

/** Of many nodes by number, in one statement: with one for each, most of the time went into building them. */
export async function writeLastSeen(tx: Tx, seen: ReadonlyMap<number, number>): Promise<void> {
  const byNo = JSON.stringify(Object.fromEntries(seen))
  // Casts that SQLite and PostgreSQL both have: the one gives numbers and text, the other JSON and text.
  await sql`update nodes set last_seen_at = cast(cast(pair.value as text) as bigint)
    from json_each(${byNo}) as pair where nodes.no = cast(pair.key as bigint)`.execute(tx)
}

/** Also false for an unknown id. */
export async function isPresent(tx: Tx, id: string): Promise<boolean> {
  const node = await nodeWith(tx, id).select('removed_at').executeTakeFirst()
  return node?.removed_at === null
}

/** A node by its current hostname, or the last one before its removal. */
export interface NodeName {
  id: string
  hostname: string
}

function namesIn(reader: Reader, tenantId: string) {
  return reader.selectFrom('nodes').select(['id', 'hostname']).where('tenant_id', '=', tenantId)
}

/** Those that belong to a tenant. */
export function readNames(
  reader: Reader,
  tenantId: string,
  ids: readonly string[],
): Promise<NodeName[]> {
  return namesIn(reader, tenantId).where('id', 'in', ids).execute()
}

/** Those that belong to a tenant and were removed. */
export function readRemovedNames(
  reader: Reader,
  tenantId: string,
  ids: readonly string[],
): Promise<NodeName[]> {
  return namesIn(reader, tenantId)
    .where('id', 'in', ids)
    .where('removed_at', 'is not', null)
    .execute()
}

/** The last node, present or removed, with this id or hostname in a tenant. */
export function readLastNamed(
  reader: Reader,
  tenantId: string,
  by: { id: string } | { hostname: string },
): Promise<NodeName | undefined> {
  return namesIn(reader, tenantId)
    .where(({ and }) => and(by))
    .orderBy('no', 'desc')
    .executeTakeFirst()
}

/** The mesh IPs of nodes removed since a time. */
export async function readRestingIps(tx: Tx, tenantId: string, sinceMs: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('nodes')
    .select('mesh_ip')
    .where('tenant_id', '=', tenantId)
    .where('removed_at', '>', sinceMs)
    .execute()
  return rows.map(({ mesh_ip }) => mesh_ip)
}
