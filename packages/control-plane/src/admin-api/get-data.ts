import { ApiError, adminApi, formatNode } from '@plexd/protocol'
import type { App } from '../app.ts'
import { namedTarget, readTarget } from '../entries/target.ts'
import { type Call, handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'
import { findNodeById } from './find-node.ts'

/** Without a target it is the only one of its key, or nobody can say which is meant. */
export const getData = handle(adminApi.getData, async (call, app) => {
  const { principal, params, reply } = call
  const target = await targetOf(call, app)
  const row = await app.store.reader
    .selectFrom('data_entries')
    .selectAll()
    .where('tenant_id', '=', principal.tenant_id)
    .where('key', '=', params.key)
    .where('target', '=', target)
    .executeTakeFirst()
  if (!row)
    throw new ApiError('not_found', `there is no data entry "${params.key}" for this target`)
  return answerJson(reply, dataEntryJson(row, await readTargetNames(app, [row])))
})

async function targetOf(call: Call<typeof adminApi.getData>, app: App): Promise<string> {
  const { principal, query } = call
  if (query.node_id === undefined && query.selector === undefined) return onlyTarget(call, app)
  return readTarget(query, (id) => findNodeById(app.fleet, principal, id))
}

async function onlyTarget(
  { principal, params: { key } }: Call<typeof adminApi.getData>,
  app: App,
): Promise<string> {
  const rows = await app.store.reader
    .selectFrom('data_entries')
    .select('target')
    .where('tenant_id', '=', principal.tenant_id)
    .where('key', '=', key)
    .orderBy('target')
    .limit(maxNamed + 1)
    .execute()
  const [only, ...others] = rows
  if (!only) throw new ApiError('not_found', `there is no data entry "${key}"`)
  if (others.length > 0)
    throw new ApiError(
      'conflict',
      `data entry "${key}" is there for ${await listTargets(rows, app)}`,
    )
  return only.target
}

/** More say nothing more. */
const maxNamed = 8

async function listTargets(rows: readonly { target: string }[], app: App): Promise<string> {
  const hostnameOf = await readTargetNames(app, rows)
  const texts = rows.slice(0, maxNamed).map((row) => {
    const { node_id, node_hostname, selector } = namedTarget(row.target, hostnameOf)
    return selector === undefined
      ? `node ${formatNode(node_id ?? '', node_hostname)}`
      : `selector "${selector}"`
  })
  return `${texts.join(', ')}${rows.length > maxNamed ? ' and more' : ''}: say for which`
}
