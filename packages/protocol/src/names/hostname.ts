const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const name = new RegExp(`^${label}(?:\\.${label})*$`)
/** What URL parsers and inet_aton take for a number: a name that ends with it would be parsed as an address. */
const numberLike = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i

/** RFC 6761, section 6.3, and names that distributions add to /etc/hosts. */
const loopbackName = /(?:^|\.)localhost$|^localhost[46]?(?:\.localdomain[46]?)?$/i

const rule =
  'want letters, digits and hyphens in labels of 63 at most, joined by dots, 253 in all, with no hyphen at an end of a label'

/**
 * A node's name in the canonical form that is stored and compared: an RFC 1123 name, fully qualified or not, in
 * lower case. A trailing dot is removed, since `web-01.` is the fully qualified form of `web-01` in DNS. Throws a
 * RangeError that quotes the text and states the rule.
 */
export function parseHostname(text: string): string {
  const problem = hostnameProblem(text)
  if (problem !== undefined) throw new RangeError(problem)
  return hostnameKey(text)
}

/** What is wrong with a name; undefined if it is valid. */
export function hostnameProblem(text: string): string | undefined {
  const why = whyNot(text.replace(/\.$/, ''))
  return why && `parse hostname "${text}": ${why}`
}

function whyNot(bare: string): string | undefined {
  // Before lower-casing, which maps some non-ASCII letters to ASCII.
  if (bare.length > 253 || !name.test(bare)) return rule
  if (numberLike.test(bare))
    return 'its last label is a number, so it reads as an address: put a letter into it'
  if (loopbackName.test(bare))
    return 'every machine calls itself that: give this one a name of its own'
  return undefined
}

/** The form used for comparing names, including those from older versions that break the rule. */
export function hostnameKey(hostname: string): string {
  return hostname.replace(/\.$/, '').toLowerCase()
}
