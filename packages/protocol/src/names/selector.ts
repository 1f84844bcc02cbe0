/** Label selectors with Kubernetes' syntax: `env=prod,tier!=db,role in (web,api),gpu,!legacy`. All requirements must hold. */
export type Requirement =
  | { key: string; operator: 'in' | 'notin'; values: readonly string[] }
  | { key: string; operator: 'exists' | 'absent' }

export type Selector = readonly Requirement[]

const name = '[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?'
const value = '[A-Za-z0-9._/:@-]*'
const equality = new RegExp(`^(?<key>${name})\\s*(?<operator>==|=|!=)\\s*(?<value>${value})$`)
const membership = new RegExp(
  `^(?<key>${name})\\s+(?<operator>in|notin)\\s*\\((?<values>[^()]*)\\)$`,
)
const existence = new RegExp(`^(?<not>!?)\\s*(?<key>${name})$`)

/** Throws a RangeError that quotes the invalid requirement. The empty text is refused, because it would match every node. */
export function parseSelector(text: string): Selector {
  if (text.trim() === '')
    throw new RangeError('parse selector "": it is empty; write "*" to mean every node')
  return splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()))
}

/** The canonical form in which a selector is stored: `env == prod` and `env=prod` mean the same. */
export function formatSelector(selector: Selector): string {
  return selector.map(formatRequirement).join(',')
}

function formatRequirement(requirement: Requirement): string {
  const { key, operator } = requirement
  if (!('values' in requirement)) return operator === 'exists' ? key : `!${key}`
  const [first = '', ...others] = requirement.values
  if (others.length === 0) return `${key}${operator === 'in' ? '=' : '!='}${first}`
  return `${key} ${operator} (${requirement.values.join(',')})`
}

/** Whether labels meet every requirement; `!=` and `notin` hold if the key is absent, as in Kubernetes. */
export function matches(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => meets(requirement, labels))
}

function meets(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const label = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined
  switch (requirement.operator) {
    case 'exists':
      return label !== undefined
    case 'absent':
      return label === undefined
    case 'in':
      return label !== undefined && requirement.values.includes(label)
    case 'notin':
      return label === undefined || !requirement.values.includes(label)
  }
}

function parseRequirement(text: string): Requirement {
  const equal = equality.exec(text)?.groups
  if (equal) {
    return {
      key: equal.key ?? '',
      operator: equal.operator === '!=' ? 'notin' : 'in',
      values: [equal.value ?? ''],
    }
  }
  const member = membership.exec(text)?.groups
  const values = (member?.values ?? '').split(',').map((item) => item.trim())
  if (member && values.every((item) => new RegExp(`^${value}$`).test(item))) {
    return { key: member.key ?? '', operator: member.operator === 'in' ? 'in' : 'notin', values }
  }
  const exists = existence.exec(text)?.groups
  if (exists) return { key: exists.key ?? '', operator: exists.not === '!' ? 'absent' : 'exists' }
  throw new RangeError(
    `parse selector "${text}": want key=value, key!=value, key in (a,b), key notin (a,b), key or !key`,
  )
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/)
}

/**
 * The prefix for metadata that a node reports about itself: `reported.os=linux`. Operators cannot set labels
 * with this prefix.
 */
export const reportedPrefix = 'reported.'

/**
 * Throws a RangeError for a requirement that is readable but not allowed: its key or value violates Kubernetes'
 * rules, or it selects by reported metadata where only labels are allowed.
 */
export function checkSelector(selector: Selector, { reported }: { reported: boolean }): void {
  for (const requirement of selector) {
    const { key } = requirement
    const isReported = key.startsWith(reportedPrefix)
    if (isReported && !reported)
      throw new RangeError(
        `selector key "${key}": a node says that of itself, and here only labels decide: set one with "plexctl node label set", or let nodes choose it with "plexctl token create --node-may-set"`,
      )
    const name = isReported ? key.slice(reportedPrefix.length) : key
    for (const value of 'values' in requirement ? requirement.values : ['']) {
      const why = whyNotSelectable(name, value)
      if (why !== undefined) throw new RangeError(`selector key "${key}": ${why}`)
    }
  }
}

/**
 * Why no selector can match a label, or undefined if one can: a key is a name with an optional DNS prefix and slash,
 * a value is such a name or empty (Kubernetes, "Labels and Selectors: syntax and character set").
 */
export function whyNotSelectable(key: string, value: string): string | undefined {
  const [name = '', prefix, ...more] = key.split('/').toReversed()
  if (more.length > 0 || (prefix !== undefined && !isDnsName(prefix)))
    return 'want a DNS name in lower case in front of the slash of a key'
  if (!labelName.test(name))
    return 'want letters, digits and "._-" in a key, one of the former at both ends, and no more than 63'
  if (value !== '' && !labelName.test(value))
    return 'want letters, digits and "._-" in a value, one of the former at both ends, and no more than 63'
  return undefined
}

const labelName = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((part) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(part))
  )
}
