import { ApiError, adminApi, formatNode } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { namedTarget, readTarget, rowFor } from '../../entries/target.ts'
import { type Call, handle } from '../../handle.ts'
import { readDataEntry, readTargets } from '../../rows/entries.ts'
import { findNodeById } from '../wire/find-node.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'

type GetDataCall = Call<typeof adminApi.getData>

/** What identifies a data entry among those of its key. */
interface Entry {
  id: string
  target: string
}

/** The target may be omitted if the key has only one entry. */
export const getData = handle(adminApi.getData, async (call, app: State) => {
  const { principal, params } = call
  const { reader } = app.store
  const { tenant_id: tenantId } = principal
  const entries = await readTargets(reader, 'data', { tenantId, key: params.key })
  const { id } = await choose(call, app, entries)
  const row = await readDataEntry(reader, id)
  if (!row) throw new ApiError('not_found', `there is no data entry "${params.key}" any more`)
  return dataEntryJson(row, await readTargetNames(app, row.tenant_id, [row]))
})

async function choose(call: GetDataCall, app: State, entries: readonly Entry[]): Promise<Entry> {
  const { principal, params, query } = call
  if (query.node_id === undefined && query.selector === undefined) return onlyOf(call, app, entries)
  const target = readTarget(query, (id) => findNodeById(app.fleet, principal, id))
  const entry = rowFor(entries, target)
  if (!entry)
    throw new ApiError('not_found', `there is no data entry "${params.key}" for this target`)
  return entry
}

async function onlyOf(call: GetDataCall, app: State, entries: readonly Entry[]): Promise<Entry> {
  const { key } = call.params
  const [only, ...others] = entries
  if (!only) throw new ApiError('not_found', `there is no data entry "${key}"`)
  if (others.length > 0)
    throw new ApiError(
      'conflict',
      `data entry "${key}" is there for ${await listTargets(call, app, entries)}`,
    )
  return only
}

/** Listing more targets in the error does not help. */
const maxNamed = 8

async function listTargets(
  { principal }: GetDataCall,
  app: State,
  entries: readonly Entry[],
): Promise<string> {
  const named = entries.slice(0, maxNamed)
  const hostnameOf = await readTargetNames(app, principal.tenant_id, named)
  const texts = named.map((entry) => {
    const { node_id, node_hostname, selector } = namedTarget(entry.target, hostnameOf)
    return selector === undefined
      ? `node ${formatNode(node_id ?? '', node_hostname)}`
      : `selector "${selector}"`
  })
  return `${texts.join(', ')}${entries.length > maxNamed ? ' and more' : ''}: say for which`
}
