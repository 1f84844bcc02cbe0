import { type AlertRuleSpec, ApiError, metrics } from '@plexd/protocol'
import { normalDuration } from '../../alerts/book.ts'
import type { CompleteSpec } from '../../rows/alerts/rules.ts'
import { checkSelectorText } from '../../runs/choose-nodes.ts'
import { isProgramMetric } from '../../telemetry/packs/samples.ts'
import { findMetric, type NamedMetric, nameOf } from '../telemetry/find-metric.ts'
import { readDuration } from '../wire/durations.ts'

/** Throws an ApiError (400) for what the schema cannot say. */
export function completeSpec(spec: AlertRuleSpec, programs: () => Iterable<string>): CompleteSpec {
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
