import {
  type AlertRule,
  type AlertRuleSpec,
  type AlertRuleView,
  ApiError,
  adminApi,
  metrics,
  nearest,
} from '@plexd/protocol'
import { listRules, normalDuration } from '../../alerts/book.ts'
import { defaultRules } from '../../alerts/default-rules.ts'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { type CompleteSpec, deleteRule, putRule, readRules } from '../../rows/alerts/rules.ts'
import { checkSelectorText } from '../../runs/choose-nodes.ts'
import { isProgramMetric } from '../../telemetry/samples.ts'
import { findMetric, type NamedMetric, nameOf } from '../telemetry/find-metric.ts'
import { programMetrics } from '../telemetry/program-metrics.ts'
import { readDuration } from '../wire/durations.ts'
import { findRule } from './find-rule.ts'
import { ruleViews } from './rule-data.ts'

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

/** Throws an ApiError (400) for what the schema cannot say. */
function completeSpec(spec: AlertRuleSpec, programs: () => Iterable<string>): CompleteSpec {
  const { selector = '*', for: time = '0s', keep_firing = '0s', severity } = spec
  checkSelectorText(selector)
  const when = completeCondition(spec.when, programs)
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

type Condition = AlertRuleSpec['when']

/** With metrics under their whole names. */
function completeCondition(when: Condition, programs: () => Iterable<string>): Condition {
  const kinds = Object.keys(when)
  if (kinds.length !== 1)
    throw new ApiError(
      'bad_request',
      `when: want one of metric, increase, no_data, status, integrity, restarts and drift, not ${kinds.length === 0 ? 'none' : kinds.join(' and ')}`,
    )
  const { metric, increase, no_data, integrity, restarts, drift } = when
  for (const { within } of [increase, integrity, restarts, drift].filter(
    (one) => one !== undefined,
  ))
    readDuration(within, { field: 'within', min: '1m', max: '24h' })
  const find = (name: string, field: string) => findMetric(name, { field, programs })
  const whole = (name: string, field: string) => nameOf(find(name, field))
  if (metric) return { metric: completeMetric(metric, whole) }
  if (increase) return { increase: completeIncrease(increase, find) }
  if (no_data) return { no_data: { name: whole(no_data.name, 'when.no_data.name') } }
  return when
}

function completeMetric(
  metric: NonNullable<Condition['metric']>,
  whole: (name: string, field: string) => string,
): NonNullable<Condition['metric']> {
  if (metric.above === undefined && metric.below === undefined)
    throw new ApiError('bad_request', 'when.metric: want above, below or both')
  const name = whole(metric.name, 'when.metric.name')
  const of = metric.of === undefined ? {} : { of: whole(metric.of, 'when.metric.of') }
  return { ...metric, name, ...of }
}

/** Of a program, any may be a counter: its name need not say so. */
function completeIncrease(
  increase: NonNullable<Condition['increase']>,
  find: (name: string, field: string) => NamedMetric,
): NonNullable<Condition['increase']> {
  const metric = find(increase.name, 'when.increase.name')
  const name = nameOf(metric)
  if (!metric.isCounter && !isProgramMetric(name))
    throw new ApiError(
      'bad_request',
      `when.increase.name "${increase.name}": it is no counter: want one of ${counters.join(', ')}, or one of a program`,
    )
  return { ...increase, name }
}

const counters = metrics.filter(({ type }) => type === 'counter').map(({ name }) => name)
