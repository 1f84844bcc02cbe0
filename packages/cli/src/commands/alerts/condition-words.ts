import type { AlertRule } from '@plexd/protocol'

type Condition = AlertRule['when']

/** When a rule fires, in the words of a table: `node_resources.disk_used > 90 % of disk_total for 5m`. Pure. */
export function conditionWords({ when, for: time }: Pick<AlertRule, 'when' | 'for'>): string {
  return `${wordsOf(when)}${time === '0s' ? '' : ` for ${short(time)}`}`
}

function wordsOf(when: Condition): string {
  const { metric, increase, no_data: noData, status, integrity, restarts, drift } = when
  if (metric) return metricWords(metric)
  if (increase) return `${increase.name} has grown in ${short(increase.within)}`
  if (noData) return `no data of ${noData.name}`
  if (status) return `node is ${status.join(' or ')}`
  if (integrity) return `unknown binary, or a changed file in ${short(integrity.within)}`
  if (restarts)
    return `plexd started again ${restarts.at_least} times or more in ${short(restarts.within)}`
  if (drift) return `${drift.at_least} corrections or more in ${short(drift.within)}`
  return JSON.stringify(when) // of a newer control plane
}

function metricWords({ name, of, above, below }: NonNullable<Condition['metric']>): string {
  const bound = (value: number): string =>
    of === undefined ? String(value) : `${Number((value * 100).toPrecision(12))} %`
  const bounds = [
    ...(above === undefined ? [] : [`> ${bound(above)}`]),
    ...(below === undefined ? [] : [`< ${bound(below)}`]),
  ].join(' or ')
  return `${name} ${bounds}${of === undefined ? '' : ` of ${withoutGroup(of, name)}`}`
}

/** Where both are of one group, it is said once. */
function withoutGroup(of: string, name: string): string {
  const [path = ''] = name.split('{')
  const group = path.slice(0, path.lastIndexOf('.') + 1)
  return of.startsWith(group) ? of.slice(group.length) : of
}

/** `5m0s` as `5m`. */
function short(duration: string): string {
  return duration.replace(/(?<=[hm])0s$/, '').replace(/(?<=h)0m$/, '')
}
