import { type AlertRule, type AlertRuleView, ApiError, adminApi, nearest } from '@plexd/protocol'
import { listRules } from '../../alerts/book.ts'
import { defaultRules } from '../../alerts/default-rules.ts'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { deleteRule, putRule, readRules } from '../../rows/alerts/rules.ts'
import { programMetrics } from '../telemetry/program-metrics.ts'
import { findRule } from './find-rule.ts'
import { ruleViews } from './rule-data.ts'
import { completeSpec } from './rule-spec.ts'

type Needs = State & SideStores & Environment

export const listAlertRules = handle(
  adminApi.listAlertRules,
  async ({ principal: { tenant_id } }, app: Needs) => {
    const stored = await readRules(app.store.reader, tenant_id)
    const deleted = stored.filter(({ spec }) => spec === null).map(({ name }) => name)
    return { items: await ruleViews(app, tenant_id, listRules(stored)), deleted }
  },
)

export const getAlertRule = handle(
  adminApi.getAlertRule,
  async ({ principal, params }, app: Needs) =>
    viewOf(
      app,
      principal.tenant_id,
      await findRule(app.store.reader, principal.tenant_id, params.alert_rule),
    ),
)

/** Writing the same again changes nothing. */
export const putAlertRule = handle(
  adminApi.putAlertRule,
  async ({ principal, params, body }, app: Needs) => {
    const { tenant_id, name: operator } = principal
    const name = params.alert_rule
    const spec = completeSpec(body, () => programMetrics(app, tenant_id))
    const rule = await app.change(async (unit) => {
      const stored = await readRules(unit.tx, tenant_id)
      const before = stored.find((rule) => rule.name === name)
      if (before?.spec && JSON.stringify(before.spec) === JSON.stringify(spec))
        return findRule(unit.tx, tenant_id, name)
      if (!before?.spec) refuseTooMany(stored.length, app.config.limits.alert_rules)
      const revision = (before?.revision ?? 0) + 1
      const written = { updated_at: unit.nowMs, updated_by: operator }
      await putRule(unit, { tenant_id, name, spec, revision, ...written })
      return findRule(unit.tx, tenant_id, name)
    })
    return viewOf(app, tenant_id, rule)
  },
)

async function viewOf(app: Needs, tenantId: string, rule: AlertRule): Promise<AlertRuleView> {
  const [view] = await ruleViews(app, tenantId, [rule])
  return view ?? { ...rule, data: null }
}

/** Of one that is there by itself it stays on record that it is not wanted. */
export const deleteAlertRule = handle(
  adminApi.deleteAlertRule,
  async ({ principal, params }, app: State) => {
    const { tenant_id, name: operator } = principal
    await app.change(async (unit) => {
      const { name, revision } = await findRule(unit.tx, tenant_id, params.alert_rule)
      if (!Object.hasOwn(defaultRules, name)) return deleteRule(unit, { tenant_id, name })
      const written = { updated_at: unit.nowMs, updated_by: operator }
      await putRule(unit, { tenant_id, name, spec: null, revision: revision + 1, ...written })
    })
    return {}
  },
)

/** What an operator has written of it is deleted, so that it goes on with plexd's own bounds. */
export const restoreAlertRule = handle(
  adminApi.restoreAlertRule,
  async ({ principal: { tenant_id }, params: { alert_rule: name } }, app: Needs) => {
    refuseUnlessDefault(name)
    const rule = await app.change(async (unit) => {
      await deleteRule(unit, { tenant_id, name })
      return findRule(unit.tx, tenant_id, name)
    })
    return viewOf(app, tenant_id, rule)
  },
)

function refuseUnlessDefault(name: string): void {
  const defaults = Object.keys(defaultRules)
  if (defaults.includes(name)) return
  const near = nearest(name, defaults)
  const hint = near === undefined ? `those are ${defaults.join(', ')}` : `did you mean "${near}"?`
  throw new ApiError(
    'not_found',
    `alert rule "${name}" is none of those that are there by themselves: ${hint}`,
  )
}

function refuseTooMany(count: number, most: number): void {
  if (count < most) return
  throw new ApiError(
    'conflict',
    `there are ${count} alert rules, and the limit alert_rules is ${most}: delete one`,
  )
}
