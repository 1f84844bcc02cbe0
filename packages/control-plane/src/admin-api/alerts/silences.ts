import { type AlertSilence, ApiError, adminApi, newId } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import {
  endSilence,
  insertSilence,
  readSilence,
  readSilencesBefore,
  readSilencesUntil,
  type StoredSilence,
} from '../../rows/alerts/silences.ts'
import { readNames } from '../../rows/fleet/node-lookups.ts'
import { checkSelectorText } from '../../runs/choose-nodes.ts'
import type { Reader } from '../../store/db.ts'
import { readDuration } from '../wire/durations.ts'
import { findNode } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { findRule } from './find-rule.ts'

export const createAlertSilence = handle(
  adminApi.createAlertSilence,
  async ({ principal, body }, app: State & Environment) => {
    const { tenant_id: tenantId, name: operator } = principal
    const { rule, node, selector, for: time, reason } = body
    if (rule === undefined && node === undefined && selector === undefined)
      throw new ApiError(
        'bad_request',
        'a silence wants a rule, a node or a selector: "*" is every node',
      )
    if (rule !== undefined) await findRule(app.store.reader, tenantId, rule)
    if (selector !== undefined) checkSelectorText(selector)
    const ms = readDuration(time, { field: 'for', min: '1m', max: '8760h' })
    const nodeId = node === undefined ? null : findNode(app.fleet, principal, node).id
    const silence = await app.change(async (unit) => {
      const { nowMs } = unit
      const most = app.config.limits.alert_silences
      const running = await readSilencesUntil(unit.tx, { tenantId, nowMs })
      if (running.length >= most)
        throw new ApiError(
          'conflict',
          `there are ${most} silences, as many as the limit alert_silences allows: end one`,
        )
      const stored: StoredSilence = {
        id: newId('alert_silence'),
        tenant_id: tenantId,
        rule: rule ?? null,
        node_id: nodeId,
        selector: selector ?? null,
        reason,
        created_by: operator,
        created_at: nowMs,
        ends_at: nowMs + ms,
        ended_by: null,
      }
      await insertSilence(unit, stored)
      return stored
    })
    return silenceView(silence, await hostnamesOf(app.store.reader, tenantId, [silence]))
  },
)

export const listAlertSilences = handle(
  adminApi.listAlertSilences,
  async ({ principal, query }, app: State & Environment) => {
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readSilencesBefore(
      app.store.reader,
      { tenantId: principal.tenant_id, createdAt: Number(createdAt), id: String(id) },
      boundsOf(query, app.config),
    )
    const hostnames = await hostnamesOf(app.store.reader, principal.tenant_id, page.rows)
    return {
      items: page.rows.map((row) => silenceView(row, hostnames)),
      next: nextOf(page, (row) => [row.created_at, row.id]),
    }
  },
)

export const endAlertSilence = handle(
  adminApi.endAlertSilence,
  async ({ principal, params }, app: State) => {
    const { tenant_id: tenantId, name: operator } = principal
    await app.change(async (unit) => {
      const silence = await readSilence(unit.tx, { id: params.alert_silence, tenantId })
      if (!silence) throw new ApiError('not_found', `there is no silence "${params.alert_silence}"`)
      if (silence.ends_at <= unit.nowMs)
        throw new ApiError('conflict', `silence "${silence.id}" has ended already`)
      await endSilence(unit, silence, operator)
    })
    return {}
  },
)

function silenceView(
  { tenant_id: _, created_at, ends_at, ...rest }: StoredSilence,
  hostnames: ReadonlyMap<string, string>,
): AlertSilence {
  return {
    ...rest,
    node: rest.node_id === null ? null : (hostnames.get(rest.node_id) ?? ''),
    created_at: new Date(created_at).toISOString(),
    ends_at: new Date(ends_at).toISOString(),
  }
}

/** Of the nodes that silences are about, removed ones too. */
async function hostnamesOf(
  reader: Reader,
  tenantId: string,
  silences: readonly StoredSilence[],
): Promise<Map<string, string>> {
  const ids = silences.flatMap(({ node_id }) => node_id ?? [])
  const names = await readNames(reader, tenantId, [...new Set(ids)])
  return new Map(names.map(({ id, hostname }) => [id, hostname]))
}
