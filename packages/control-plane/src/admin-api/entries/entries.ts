import { ApiError, adminApi, compactJson, rawMembers, type Target } from '@plexd/protocol'
import type { Environment, Seals, State } from '../../app.ts'
import { readTarget } from '../../entries/target.ts'
import { removeEntry, type Writing, writeEntry } from '../../entries/write.ts'
import { handle } from '../../handle.ts'
import type { EntryKind } from '../../mesh/entry-scope.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { targetWarnings } from '../../mesh/labels/target-warnings.ts'
import { readDataAfter, readSecretsAfter } from '../../rows/entries.ts'
import { placeOf } from '../../seal/places.ts'
import { open, seal } from '../../seal/seal.ts'
import { findNodeById } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf, type PageQuery, pageJson } from '../wire/paging.ts'
import { dataEntryJson, readTargetNames, secretView } from './entry-view.ts'

/** The payload is stored and sent as the operator wrote it, compacted; numbers are not rounded. */
export const putData = handle(adminApi.putData, async (call, app: State & Environment) => {
  const { content_type } = call.body
  const payload = compactJson(rawMembers(call.bodyText).get('payload') ?? 'null')
  refuseLong(call.params.key, payload, app.config.limits.data_entry_bytes)
  const { row, hostnameOf, warnings } = await put(app, 'data', call, {
    isSame: (old) => old.content_type === content_type && old.payload === payload,
    contentFor: () => ({ content_type, payload }),
  })
  const entry = dataEntryJson(row, hostnameOf)
  return `${entry.slice(0, -1)},"warnings":${JSON.stringify(warnings)}}`
})

/** The value is sealed before it is written. */
export const putSecret = handle(
  adminApi.putSecret,
  async (call, app: State & Seals & Environment) => {
    const { principal, params, body } = call
    const placeFor = (target: string) =>
      placeOf.secret({ tenant_id: principal.tenant_id, key: params.key, target })
    const { row, hostnameOf, warnings } = await put(app, 'secret', call, {
      isSame: (old) => open(app.masterKey, old.value_sealed, placeFor(old.target)) === body.value,
      contentFor: (to) => ({ value_sealed: seal(app.masterKey, body.value, placeFor(to)) }),
    })
    return { ...secretView(row, hostnameOf), warnings }
  },
)

/** By key, then by target. */
export const listData = handle(
  adminApi.listData,
  async ({ principal: { tenant_id }, query }, app: State & Environment) => {
    const bounds = boundsOf(query, app.config)
    const page = await readDataAfter(app.store.reader, behind(tenant_id, query), bounds)
    const hostnameOf = await readTargetNames(app, tenant_id, page.rows)
    const items = page.rows.map((row) => dataEntryJson(row, hostnameOf))
    return pageJson(items, nextOf(page, positionOf))
  },
)

/** By key, then by target. */
export const listSecrets = handle(
  adminApi.listSecrets,
  async ({ principal: { tenant_id }, query }, app: State & Environment) => {
    const bounds = boundsOf(query, app.config)
    const page = await readSecretsAfter(app.store.reader, behind(tenant_id, query), bounds)
    const hostnameOf = await readTargetNames(app, tenant_id, page.rows)
    const items = page.rows.map((row) => secretView(row, hostnameOf))
    return { items, next: nextOf(page, positionOf) }
  },
)

export const deleteData = deletion(adminApi.deleteData, 'data')
export const deleteSecret = deletion(adminApi.deleteSecret, 'secret')

function deletion(
  operation: typeof adminApi.deleteData | typeof adminApi.deleteSecret,
  kind: EntryKind,
) {
  return handle(operation, async ({ principal, params: { key }, query }, app) => {
    await app.change((unit) => {
      const target = readTarget(query, (id) => findNodeById(unit.fleet, principal, id))
      return removeEntry(unit, kind, { tenant_id: principal.tenant_id, key, target })
    })
    return {}
  })
}

/** Writes the entry, and says which of the names in its target no node has. */
async function put<Kind extends EntryKind>(
  app: State & Environment,
  kind: Kind,
  {
    principal,
    params: { key },
    body,
  }: { principal: OperatorRecord; params: { key: string }; body: { target: Target } },
  content: Pick<Writing<Kind>, 'isSame' | 'contentFor'>,
) {
  const { tenant_id } = principal
  const row = await app.change((unit) => {
    const target = readTarget(body.target, (id) => findNodeById(unit.fleet, principal, id), kind)
    return writeEntry(unit, app.config.limits, kind, { tenant_id, key, target, ...content })
  })
  return {
    row,
    hostnameOf: await readTargetNames(app, tenant_id, [row]),
    warnings: targetWarnings(body.target, app.fleet.nodes(tenant_id), kind),
  }
}

function behind(tenantId: string, query: PageQuery) {
  const [key = '', target = ''] = cursorOf(query, ['', '']) ?? []
  return { tenantId, key, target }
}

function positionOf({ key, target }: { key: string; target: string }): [string, string] {
  return [key, target]
}

function refuseLong(key: string, payload: string, most: number): void {
  const bytes = Buffer.byteLength(payload)
  if (bytes <= most) return
  throw new ApiError(
    'payload_too_large',
    `data entry "${key.slice(0, 64)}" has ${bytes} bytes, and data_entry_bytes is ${most}: split it into several keys`,
  )
}
