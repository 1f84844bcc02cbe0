import type { Metadata } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from './page.ts'

export interface StoredToken extends Omit<Row<'bootstrap_tokens'>, 'metadata' | 'node_may_set'> {
  metadata: Metadata
  node_may_set: string[]
}

/** A token that has not been used yet. */
export type NewToken = Omit<
  StoredToken,
  'revoked_at' | 'used_at' | 'node_id' | 'public_key' | 'answer_sealed'
>

function storedOf(row: Row<'bootstrap_tokens'>): StoredToken {
  return {
    ...row,
    // Both are written below, and were validated on input.
    metadata: JSON.parse(row.metadata) as Metadata,
    node_may_set: JSON.parse(row.node_may_set) as string[],
  }
}

export async function insertToken(tx: Tx, token: NewToken): Promise<StoredToken> {
  const unused = {
    revoked_at: null,
    used_at: null,
    node_id: null,
    public_key: null,
    answer_sealed: null,
  }
  await tx
    .insertInto('bootstrap_tokens')
    .values({
      ...token,
      metadata: JSON.stringify(token.metadata),
      node_may_set: JSON.stringify(token.node_may_set),
      ...unused,
    })
    .execute()
  return { ...token, ...unused }
}

export async function readTokenByHash(
  reader: Reader,
  hash: string,
): Promise<StoredToken | undefined> {
  const row = await reader
    .selectFrom('bootstrap_tokens')
    .selectAll()
    .where('token_hash', '=', hash)
    .executeTakeFirst()
  return row && storedOf(row)
}

/** A tenant's tokens created after the given one, without revoked ones; `id` breaks ties. */
export function readTokensAfter(
  reader: Reader,
  { tenantId, createdAt, id }: { tenantId: string; createdAt: number; id: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredToken>> {
  const tokens = reader
    .selectFrom('bootstrap_tokens')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '>', tuple(createdAt, id)))
    .orderBy('created_at')
    .orderBy('id')
  return readPage(tokens, bytes, bounds, storedOf)
}

const bytes = sql<number>`octet_length(metadata) + octet_length(node_may_set)`

/** Of all tenants, those that may still enrol a node and were created before. */
export function readUnusedTokens(
  reader: Reader,
  { before, nowMs }: { before: number; nowMs: number },
): Promise<Pick<StoredToken, 'id' | 'tenant_id' | 'hostname' | 'expires_at'>[]> {
  return reader
    .selectFrom('bootstrap_tokens')
    .select(['id', 'tenant_id', 'hostname', 'expires_at'])
    .where('revoked_at', 'is', null)
    .where('used_at', 'is', null)
    .where('expires_at', '>', nowMs)
    .where('created_at', '<', before)
    .orderBy('created_at')
    .execute()
}

/** The token has enrolled a node; the answer is kept in case it was lost. */
export async function burnToken(
  tx: Tx,
  id: string,
  use: { [Column in 'node_id' | 'public_key' | 'answer_sealed']: string } & { used_at: number },
): Promise<void> {
  await tx.updateTable('bootstrap_tokens').set(use).where('id', '=', id).execute()
}

/** False if the tenant has no such token, or it is already revoked. */
export async function revokeToken(
  tx: Tx,
  { id, tenantId, nowMs }: { id: string; tenantId: string; nowMs: number },
): Promise<boolean> {
  const revoked = await tx
    .updateTable('bootstrap_tokens')
    .set({ revoked_at: nowMs, answer_sealed: null })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return revoked !== undefined
}

/** The stored registration answer is no longer needed. */
export async function forgetAnswer(tx: Tx, nodeId: string): Promise<void> {
  await tx
    .updateTable('bootstrap_tokens')
    .set({ answer_sealed: null })
    .where('node_id', '=', nodeId)
    .execute()
}
