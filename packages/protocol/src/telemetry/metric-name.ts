/** How a value of a point is named: as Prometheus names a series, `orders_total{shop="berlin"}`. Its whole name has the group before it and a dot. Pure. */

export type Label = readonly [name: string, value: string]

export interface FieldName {
  name: string
  /** In the order of their names, each once, none of them empty. */
  labels: readonly Label[]
}

/** What a name may be, for a refusal. */
export const fieldNameForm =
  'letters, digits, "_" and ":", 128 at most and no digit first, and labels behind it as in orders_total{shop="berlin"}'

const maxChars = 1_024
const maxLabels = 32

const nameAhead = /^[A-Za-z_:][\w:]{0,127}(?=\{|$)/
const group = /^[!#-[\]-z|~]{1,256}$/

/** Of programs, of plexd and of other agents: printable ASCII without blanks, quotes, backslashes and braces, so that a whole name can be taken apart again. */
export function isGroupName(text: string): boolean {
  return group.test(text)
}

/** The name and labels of a value, or what is wrong with them. */
export function readFieldName(text: string): FieldName | { fault: string } {
  if (text.length > maxChars) return { fault: `it has more than ${maxChars} characters` }
  const [name] = nameAhead.exec(text) ?? []
  if (name === undefined) return { fault: 'it does not begin with a name' }
  if (name.length === text.length) return { name, labels: [] }
  const pairs = readPairs(text.slice(name.length), assignment)
  return 'fault' in pairs ? pairs : withLabels(name, pairs.found)
}

/** The same text for the same series, whichever way it was written. */
export function formatFieldName({ name, labels }: FieldName): string {
  if (labels.length === 0) return name
  return `${name}{${labels.map(([label, value]) => `${label}="${escaped(value)}"`).join(',')}}`
}

function withLabels(name: string, pairs: readonly Pair[]): FieldName | { fault: string } {
  if (pairs.length > maxLabels) return { fault: `it has more than ${maxLabels} labels` }
  const labels = new Map<string, string>()
  for (const { label, value } of pairs) {
    if (label.startsWith('__')) return { fault: `the label "${label}" is reserved` }
    if (labels.has(label)) return { fault: `it has the label "${label}" twice` }
    labels.set(label, value)
  }
  // To Prometheus, a label that is empty is one that is not there.
  const given = Array.from(labels).filter(([, value]) => value !== '')
  return { name, labels: given.sort(([a], [b]) => (a < b ? -1 : 1)) }
}

/** What is asked of the labels of a series. */
export interface LabelMatcher {
  label: string
  op: '=' | '!='
  value: string
}

export interface MetricSelector {
  /** Empty if it does not say. */
  group: string
  name: string
  matchers: readonly LabelMatcher[]
}

/** What a selector may be, for a refusal. */
export const metricSelectorForm =
  'the name of a metric, as group.name, and labels behind it as in shop.orders_total{shop="berlin"}, by = or !='

/** Whether a series with these labels is meant: one that it lacks is empty. */
export function matchesLabels(
  matchers: readonly LabelMatcher[],
  labels: readonly Label[],
): boolean {
  return matchers.every(({ label, op, value }) => {
    const own = labels.find(([name]) => name === label)?.[1] ?? ''
    return (own === value) === (op === '=')
  })
}

/** As in `shop.orders_total{shop="berlin"}`; the quotes may be left out. */
export function readMetricSelector(text: string): MetricSelector | { fault: string } {
  if (text.length > maxChars) return { fault: `it has more than ${maxChars} characters` }
  const braceAt = text.includes('{') ? text.indexOf('{') : text.length
  const path = text.slice(0, braceAt)
  const dotAt = path.lastIndexOf('.')
  const of = path.slice(0, Math.max(0, dotAt))
  const name = path.slice(dotAt + 1)
  if (!nameAhead.test(name)) return { fault: `"${name}" is no name` }
  if (dotAt !== -1 && !isGroupName(of)) return { fault: `"${of}" is no group` }
  const pairs = braceAt === text.length ? { found: [] } : readPairs(text.slice(braceAt), comparison)
  if ('fault' in pairs) return pairs
  if (pairs.found.length > maxLabels) return { fault: `it has more than ${maxLabels} labels` }
  const matchers = pairs.found.map(({ label, op, value }) => {
    return { label, op: op as LabelMatcher['op'], value } // one of the pattern
  })
  return { group: of, name, matchers }
}

export function formatMetricSelector({ group: of, name, matchers }: MetricSelector): string {
  const path = of === '' ? name : `${of}.${name}`
  if (matchers.length === 0) return path
  const parts = matchers.map(({ label, op, value }) => `${label}${op}"${escaped(value)}"`)
  return `${path}{${parts.join(',')}}`
}

interface Pair {
  label: string
  op: string
  value: string
}

/** A label and its value in quotes, escaped. Programs write no other. */
const assignment = /[ \t]*([A-Za-z_]\w*)[ \t]*(=)[ \t]*"((?:[^"\\]|\\[\s\S])*)"[ \t]*/y
/** Also compared otherwise, and without quotes. */
const comparison =
  /[ \t]*([A-Za-z_]\w*)[ \t]*(!?=)[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|([^",{}=~! \t]+))[ \t]*/y
const end = /[ \t]*\}$/y

/** Of what stands in braces, a comma behind the last of it allowed. */
function readPairs(text: string, pattern: RegExp): { found: Pair[] } | { fault: string } {
  const found: Pair[] = []
  for (let at = 1; !isAt(end, text, at); ) {
    pattern.lastIndex = at
    const [whole = '', label = '', op = '', quoted, bare = ''] = pattern.exec(text) ?? []
    const next = text[at + whole.length]
    if (whole === '' || (next !== ',' && next !== '}'))
      return {
        fault: `its labels cannot be read from ${JSON.stringify(text.slice(at, at + 40))} on`,
      }
    found.push({ label, op, value: quoted === undefined ? bare : plain(quoted) })
    at += whole.length + (next === ',' ? 1 : 0)
  }
  return { found }
}

function isAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at
  return pattern.test(text)
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function plain(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}
