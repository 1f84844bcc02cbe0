import type { SecretRef } from '@plexd/protocol'
import type { Limits } from '../limits.ts'
import type { Follower } from '../log/log.ts'
import { type EntryKind, entriesOf, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { asDataSees } from '../mesh/labels/labels.ts'
import {
  bytesOf,
  dataByTarget,
  type EntriesByTarget,
  measureEntries,
  type StoredEntry,
  secretsByTarget,
} from '../rows/entries.ts'
import type { Reader } from '../store/db.ts'
import { entryKinds } from './kinds.ts'
import { fitting, isWithin, roomFor } from './room.ts'

type Scope = Pick<NodeRecord, 'id' | 'tenant_id' | 'labels'>
type DataScope = Scope & Pick<NodeRecord, 'reported'>

/**
 * The data and secrets that each node gets. Entries with selectors apply to many nodes, so they are cached until one
 * changes; otherwise a change for a thousand nodes would be a thousand queries.
 */
export interface NodeEntries {
  /** A node's data entries as the JSON text of a list, sorted by key; entries beyond its limit are left out. */
  dataJsonOf(node: DataScope): Promise<string>
  /** The secrets that a node may fetch, sorted by key; those beyond its limit are left out. */
  secretRefsOf(node: Scope): Promise<SecretRef[]>
  /** Which entries were left out because of the limit, in words; empty if none. */
  leftOutOf(node: DataScope): Promise<string[]>
  follow: Follower
}

export function createNodeEntries(reader: Reader, limits: Limits): NodeEntries {
  const data = keepShared((tenantId) => dataByTarget(reader, tenantId))
  const secrets = keepShared((tenantId) => secretsByTarget(reader, tenantId))
  /** Whether a tenant's entries together exceed one node's limit; asked for each node of a list. */
  const overfull = createCache((tenantId) => isOverfull(reader, tenantId, limits))
  /** Entries with selectors are the same objects for all nodes. */
  const texts = new WeakMap<StoredEntry<'data'>, { json: string; bytes: number }>()

  const textOf = (row: StoredEntry<'data'>) =>
    texts.getOrInsertComputed(row, () => ({ json: entryJson(row), bytes: bytesOf(row) }))

  async function fittingData(node: DataScope) {
    const rows = await data.rowsFor(node)
    const own = entriesOf(rows, asDataSees(rows, node)).map((row) => ({ ...row, ...textOf(row) }))
    return fitting(own, roomFor('data', limits))
  }

  async function fittingSecrets(node: Scope) {
    const own = entriesOf(await secrets.rowsFor(node), node)
    const sized = own.map((entry) => ({ ...entry, bytes: 0 }))
    return fitting(sized, roomFor('secret', limits))
  }

  return {
    async dataJsonOf(node) {
      const { kept } = await fittingData(node)
      return `[${kept.map(({ json }) => json).join(',')}]`
    },
    async secretRefsOf(node) {
      const { kept } = await fittingSecrets(node)
      return kept.map(refOf)
    },
    async leftOutOf(node) {
      if (!(await overfull.get(node.tenant_id))) return []
      return [
        ...describeLeftOut('data', (await fittingData(node)).leftOut),
        ...describeLeftOut('secret', (await fittingSecrets(node)).leftOut),
      ]
    },
    follow({ changes }) {
      for (const change of changes) {
        if (change.type !== 'entries_changed') continue
        data.forget(change.tenant_id)
        secrets.forget(change.tenant_id)
        overfull.forget(change.tenant_id)
      }
    },
  }
}

async function isOverfull(reader: Reader, tenantId: string, limits: Limits): Promise<boolean> {
  for (const kind of ['data', 'secret'] as const)
    if (!isWithin(await measureEntries(reader, kind, tenantId), roomFor(kind, limits))) return true
  return false
}

/** In the form that a node gets. */
function entryJson({
  key,
  content_type,
  payload,
  version,
  updated_at,
}: StoredEntry<'data'>): string {
  const head = JSON.stringify({ key, content_type }).slice(0, -1)
  const tail = `"version":${version},"updated_at":"${new Date(updated_at).toISOString()}"}`
  return `${head},"payload":${payload},${tail}`
}

function describeLeftOut(kind: EntryKind, leftOut: readonly ScopedEntry[]): string[] {
  if (leftOut.length === 0) return []
  const keys = leftOut.slice(0, 3).map(({ key }) => `"${key.slice(0, 64)}"`)
  const more = leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : ''
  return [
    `no room for ${entryKinds[kind].nouns} ${keys.join(', ')}${more}: delete some, or name fewer nodes`,
  ]
}

/** Like `secretRefsOf`, but within a transaction. */
export async function readSecretRefsFor(reader: Reader, node: Scope): Promise<SecretRef[]> {
  const { shared, own } = secretsByTarget(reader, node.tenant_id)
  return entriesOf([...(await shared()), ...(await own(node.id))], node).map(refOf)
}

function refOf({ key, version }: ScopedEntry): SecretRef {
  return { key, version }
}

function keepShared<Row extends ScopedEntry>(rowsOf: (tenantId: string) => EntriesByTarget<Row>) {
  const kept = createCache(async (tenantId) => {
    const { shared, hasOwn } = rowsOf(tenantId)
    return { shared: await shared(), hasOwn: await hasOwn() }
  })
  return {
    async rowsFor({ id, tenant_id }: Scope): Promise<Row[]> {
      const { shared, hasOwn } = await kept.get(tenant_id)
      return hasOwn ? [...shared, ...(await rowsOf(tenant_id).own(id))] : shared
    },
    forget: kept.forget,
  }
}

/** What was read for a tenant, until it is forgotten. */
function createCache<T>(read: (tenantId: string) => Promise<T>) {
  const kept = new Map<string, Promise<T>>()
  return {
    get: (tenantId: string) =>
      kept.getOrInsertComputed(tenantId, () => {
        const reading = read(tenantId)
        reading.catch(() => kept.delete(tenantId)) // its callers get the error
        return reading
      }),
    forget: (tenantId: string) => void kept.delete(tenantId),
  }
}
