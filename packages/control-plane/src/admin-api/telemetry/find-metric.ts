import { ApiError, metrics, nearest } from '@plexd/protocol'

export interface NamedMetric {
  name: string
  /** Of a counter, that of what it grows by. */
  unit: string
  help: string
  isCounter: boolean
}

const maxHints = 5
const groups = new Set<string>(metrics.map(({ group }) => group))

/**
 * A metric by its name, or by its field where no other has that; of programs on nodes any `group.field`, which is a gauge then. Throws an ApiError
 * (400).
 */
export function findMetric(name: string): NamedMetric {
  const named = metrics.filter((metric) => metric.name === name)
  const [metric, ...others] =
    named.length > 0 ? named : metrics.filter(({ field }) => field === name)
  if (others.length > 0) {
    const names = [metric, ...others].map((one) => one?.name).join(' or ')
    throw new ApiError('bad_request', `metric "${name}": say ${names}`)
  }
  if (metric) {
    const isCounter = metric.type === 'counter'
    const unit = isCounter ? `${metric.unit} per second` : metric.unit
    return { name: metric.name, unit, help: metric.help, isCounter }
  }
  const [group = '', field] = name.split(/\.(.*)/s)
  if (field && !groups.has(group))
    return { name, unit: 'count', help: 'Of a program on the node', isCounter: false }
  throw new ApiError(
    'bad_request',
    `metric "${name}": there is none of this name: ${hintFor(name)}`,
  )
}

function hintFor(name: string): string {
  const names = metrics.map((one) => one.name)
  const near = nearest(name, [...names, ...metrics.map(({ field }) => field)])
  const meant = near === undefined ? names.filter((one) => one.includes(name)) : [near]
  return meant.length > 0 && meant.length <= maxHints
    ? `did you mean ${meant.map((one) => `"${one}"`).join(' or ')}?`
    : 'see "plexctl metrics list"'
}
