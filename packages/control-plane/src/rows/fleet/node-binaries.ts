import type { BinaryState } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'

/** What a node says that it runs, and how that was judged. */
export interface StoredBinary {
  version: string
  /** `sha256:` and hex. */
  checksum: string
  state: BinaryState
  /** When it was first judged so. */
  sinceMs: number
  /** False while a mismatch has yet to be told. */
  told: boolean
}

const columns = [
  'binary_version',
  'binary_checksum',
  'binary_state',
  'binary_since',
  'binary_told',
] as const
type BinaryRow = Pick<Row<'nodes'>, (typeof columns)[number]>

/** Null for a node that has not said. */
export function binaryOf(row: BinaryRow): StoredBinary | null {
  const { binary_version: version, binary_checksum: checksum, binary_since: sinceMs } = row
  if (version === null || checksum === null || sinceMs === null) return null
  const state = row.binary_state as BinaryState // as it is written below
  return { version, checksum, state, sinceMs, told: row.binary_told === 1 }
}

export async function readNodeBinary(reader: Reader, id: string): Promise<StoredBinary | null> {
  const row = await reader
    .selectFrom('nodes')
    .select(columns)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? binaryOf(row) : null
}

/** The ids of the nodes, of all tenants, that say that they run a version. */
export async function readIdsRunning(reader: Reader, version: string): Promise<string[]> {
  const rows = await reader
    .selectFrom('nodes')
    .select('id')
    .where('binary_version', '=', version)
    .where('removed_at', 'is', null)
    .execute()
  return rows.map(({ id }) => id)
}

/** Of a tenant's nodes that are not removed, by their ids; those that have not said are missing. */
export async function readBinariesOf(
  reader: Reader,
  tenantId: string,
): Promise<Map<string, StoredBinary>> {
  const rows = await reader
    .selectFrom('nodes')
    .select(['id', ...columns])
    .where('tenant_id', '=', tenantId)
    .where('removed_at', 'is', null)
    .execute()
  return new Map(
    rows.flatMap((row) => {
      const binary = binaryOf(row)
      return binary ? [[row.id, binary] as const] : []
    }),
  )
}

export async function writeNodeBinary(
  tx: Tx,
  id: string,
  { version, checksum, state, sinceMs, told }: StoredBinary,
): Promise<void> {
  await tx
    .updateTable('nodes')
    .set({
      binary_version: version,
      binary_checksum: checksum,
      binary_state: state,
      binary_since: sinceMs,
      binary_told: told ? 1 : 0,
    })
    .where('id', '=', id)
    .execute()
}

/** Unless it was judged anew meanwhile. */
export async function noteTold(
  tx: Tx,
  id: string,
  { version, checksum, sinceMs }: StoredBinary,
): Promise<void> {
  await tx
    .updateTable('nodes')
    .set({ binary_told: 1 })
    .where('id', '=', id)
    .where('binary_version', '=', version)
    .where('binary_checksum', '=', checksum)
    .where('binary_since', '=', sinceMs)
    .execute()
}

/** How many nodes of all tenants were judged how. */
export async function countBinaries(reader: Reader): Promise<Map<string, number>> {
  const rows = await reader
    .selectFrom('nodes')
    .select(({ fn }) => ['binary_state', fn.countAll<number>().as('count')])
    .where('removed_at', 'is', null)
    .where('binary_version', 'is not', null)
    .groupBy('binary_state')
    .execute()
  return new Map(rows.map(({ binary_state, count }) => [binary_state ?? '', Number(count)]))
}

/** The ids of the nodes, of all tenants, whose binary is none that is known. */
export async function readMismatched(reader: Reader): Promise<Set<string>> {
  const rows = await reader
    .selectFrom('nodes')
    .select('id')
    .where('binary_state', '=', sql.lit('mismatch')) // as the condition of the index says it
    .where('removed_at', 'is', null)
    .execute()
  return new Set(rows.map(({ id }) => id))
}
