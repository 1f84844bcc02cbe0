import {
  ApiError,
  formatMetricSelector,
  type Metric,
  type MetricSelector,
  metricGroups,
  metricSelectorForm,
  metrics,
  nearest,
  readMetricSelector,
} from '@plexd/protocol'
import { isCounterMetric } from '../../telemetry/packs/samples.ts'

export interface NamedMetric {
  selector: MetricSelector
  /** The unit, and what it is. */
  unit: string
  help: string
  isCounter: boolean
}

const maxHints = 5

/**
 * A metric by its name, with labels if it is one of a program; the group may be left out where no other has that. `programs` are those that are known,
 * with their groups, and looked for only where the group is left out; any other is taken if it has a group that is none of plexd's. Throws an ApiError (400) that begins with `field`.
 */
export function findMetric(
  text: string,
  { field, programs }: { field: string; programs: () => Iterable<string> },
): NamedMetric {
  const selector = readMetricSelector(text)
  if ('fault' in selector)
    throw refusal(field, text, `${selector.fault}: want ${metricSelectorForm}`)
  const own = ownMetric(selector, { field, text })
  if (own) return own
  const group = selector.group || groupOf(selector.name, programs(), { field, text })
  if (Object.hasOwn(metricGroups, group))
    throw refusal(
      field,
      text,
      `there is none of this name: ${hintFor(`${group}.${selector.name}`)}`,
    )
  return programMetric({ ...selector, group })
}

interface Asked {
  field: string
  text: string
}

function ownMetric({ group, name, matchers }: MetricSelector, asked: Asked) {
  const named = metrics.filter(
    (metric) => metric.field === name && (group === '' || metric.group === group),
  )
  const [metric] = named
  if (!metric) return undefined
  if (named.length > 1)
    throw refusal(asked.field, asked.text, `say ${named.map((one) => one.name).join(' or ')}`)
  if (matchers.length > 0)
    throw refusal(asked.field, asked.text, `"${metric.name}" has no labels: leave them out`)
  return describeOwn(metric)
}

function describeOwn({ group, field, name, type, unit, help }: Metric): NamedMetric {
  const isCounter = isCounterMetric(name)
  return {
    selector: { group, name: field, matchers: [] },
    unit: type === 'counter' ? `${unit} per second` : unit,
    help,
    isCounter,
  }
}

function programMetric(selector: MetricSelector): NamedMetric {
  const isCounter = isCounterMetric(`${selector.group}.${selector.name}`)
  const unit = unitOf(selector.name)
  return {
    selector,
    unit: isCounter ? `${unit} per second` : unit,
    help: 'Of a program on the node',
    isCounter,
  }
}

/** By the conventions of Prometheus for names. */
export function unitOf(name: string): string {
  return /_(bytes|seconds)(_total)?$/.exec(name)?.[1] ?? 'count'
}

/** The one that has it. */
function groupOf(name: string, programs: Iterable<string>, { field, text }: Asked): string {
  const found = Array.from(programs).filter((one) => one.slice(one.lastIndexOf('.') + 1) === name)
  const groups = new Set(found.map((one) => one.slice(0, one.lastIndexOf('.'))))
  if (groups.size > 1)
    throw refusal(field, text, `say ${[...new Set(found)].slice(0, maxHints).join(' or ')}`)
  const [group] = groups
  if (group !== undefined) return group
  throw refusal(field, text, `there is none of this name: ${hintFor(name)}`)
}

function refusal(field: string, text: string, why: string): ApiError {
  return new ApiError('bad_request', `${field} "${text.slice(0, 200)}": ${why}`)
}

function hintFor(name: string): string {
  const names = metrics.map((one) => one.name)
  const near = nearest(name, [...names, ...metrics.map(({ field }) => field)])
  const meant = near === undefined ? names.filter((one) => one.includes(name)) : [near]
  return meant.length > 0 && meant.length <= maxHints
    ? `did you mean ${meant.map((one) => `"${one}"`).join(' or ')}?`
    : 'see `plexctl metrics list NODE`; what a program will send is named with its group'
}

/** As it is written in a rule and in an answer. */
export function nameOf({ selector }: NamedMetric): string {
  return formatMetricSelector(selector)
}
