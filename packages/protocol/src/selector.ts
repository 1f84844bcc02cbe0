/** Label selectors, in Kubernetes' words: `env=prod,tier!=db,role in (web,api),gpu,!legacy`. Requirements are joined by "and". */
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

/** Throws a RangeError that quotes the requirement it cannot read. The empty text is refused: it would mean every node. */
export function parseSelector(text: string): Selector {
  if (text.trim() === '')
    throw new RangeError('parse selector "": it is empty; write "*" to mean every node')
  return splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()))
}

/** Whether labels meet every requirement; `!=` and `notin` hold where the key is absent, as in Kubernetes. */
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
