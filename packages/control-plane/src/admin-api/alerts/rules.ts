import { type AlertRuleSpec, ApiError, adminApi, metrics, nearest } from '@plexd/protocol'
import { listRules, normalDuration } from '../../alerts/book.ts'
import { defaultRules } from '../../alerts/default-rules.ts'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { type CompleteSpec, deleteRule, putRule, readRules } from '../../rows/alerts/rules.ts'
import { checkSelectorText } from '../../runs/choose-nodes.ts'
import { readDuration } from '../wire/durations.ts'
import { findRule } from './find-rule.ts'

export const listAlertRules = handle(
  adminApi.listAlertRules,
  async ({ principal }, { store }: State) => {
    const stored = await readRules(store.reader, principal.tenant_id)
    const deleted = stored.filter(({ spec }) => spec === null).map(({ name }) => name)
    return { items: listRules(stored), deleted }
  },
)

export const getAlertRule = handle(
  adminApi.getAlertRule,
  async ({ principal, params }, { store }: State) =>
    findRule(store.reader, principal.tenant_id, params.alert_rule),
)

/** Writing the same again changes nothing. */
export const putAlertRule = handle(
  adminApi.putAlertRule,
  async ({ principal, params, body }, app: State & Environment) => {
    const { tenant_id, name: operator } = principal
    const name = params.alert_rule
    const spec = completeSpec(body)
    return app.change(async (unit) => {
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
  },
)

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
  async ({ principal: { tenant_id }, params: { alert_rule: name } }, app: State) => {
    refuseUnlessDefault(name)
    return app.change(async (unit) => {
      await deleteRule(unit, { tenant_id, name })
      return findRule(unit.tx, tenant_id, name)
    })
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

/** Throws an ApiError (400) for what the schema cannot say. */
function completeSpec(spec: AlertRuleSpec): CompleteSpec {
  const { selector = '*', when, for: time = '0s', keep_firing = '0s', severity } = spec
  checkSelectorText(selector)
  checkCondition(when)
  const bounds = { min: '0s', max: '24h' }
  readDuration(time, { field: 'for', ...bounds })
  readDuration(keep_firing, { field: 'keep_firing', ...bounds })
  return {
    selector,
    when,
    for: normalDuration(time),
    keep_firing: normalDuration(keep_firing),
    severity,
  }
}

const names = metrics.map(({ name }) => name)
const counters = metrics.filter(({ type }) => type === 'counter').map(({ name }) => name)

function checkCondition(when: AlertRuleSpec['when']): void {
  const kinds = Object.keys(when)
  if (kinds.length !== 1)
    throw new ApiError(
      'bad_request',
      `when: want one of metric, increase, no_data, status, integrity and drift, not ${kinds.length === 0 ? 'none' : kinds.join(' and ')}`,
    )
  const { metric, increase, no_data, integrity, drift } = when
  for (const name of [metric?.name, metric?.of, increase?.name, no_data?.name])
    if (name !== undefined) refuseUnknownMetric(name)
  if (metric && metric.above === undefined && metric.below === undefined)
    throw new ApiError('bad_request', 'when.metric: want above, below or both')
  if (increase && !counters.includes(increase.name))
    throw new ApiError(
      'bad_request',
      `when.increase.name "${increase.name}": it is no counter: want one of ${counters.join(', ')}`,
    )
  for (const { within } of [increase, integrity, drift].filter((kind) => kind !== undefined))
    readDuration(within, { field: 'within', min: '1m', max: '24h' })
}

function refuseUnknownMetric(name: string): void {
  if (names.includes(name)) return
  const near = nearest(name, names)
  const hint =
    near === undefined
      ? 'rules take those of `plexctl metrics list`, not those of programs'
      : `did you mean "${near}"?`
  throw new ApiError('bad_request', `there is no metric "${name}": ${hint}`)
}
