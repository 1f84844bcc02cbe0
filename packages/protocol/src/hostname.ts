const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const name = new RegExp(`^${label}(?:\\.${label})*$`)
/** What URL parsers and inet_aton take for a number: then the whole name is an address to them. */
const numberLike = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i

/** RFC 6761, section 6.3, and what distributions write into /etc/hosts beside it. */
const loopbackName = /(?:^|\.)localhost$|^localhost[46]?(?:\.localdomain[46]?)?$/i

const rule =
  'want letters, digits and hyphens in labels of 63 at most, joined by dots, 253 in all, with no hyphen at an end of a label'

/**
 * The name of a node in the one spelling in which it is stored and compared: an RFC 1123 name, fully qualified or not, in
 * lower case. A dot at the end is left out, since `web-01.` is how DNS writes `web-01` in full. Throws a RangeError that
 * quotes the text and says the rule.
 */
export function parseHostname(text: string): string {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  // Before the change of case, which makes ASCII letters of some that are none.
  if (bare.length > 253 || !name.test(bare))
    throw new RangeError(`parse hostname "${text}": ${rule}`)
  if (numberLike.test(bare))
    throw new RangeError(
      `parse hostname "${text}": its last label is a number, so it reads as an address: put a letter into it`,
    )
  if (loopbackName.test(bare))
    throw new RangeError(
      `parse hostname "${text}": every machine calls itself that: give this one a name of its own`,
    )
  return bare.toLowerCase()
}

/** What is wrong with a name; undefined for one that may be given. */
export function hostnameProblem(text: string): string | undefined {
  try {
    parseHostname(text)
    return undefined
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

/** By what names are compared, those too that older versions took and that break the rule. */
export function hostnameKey(hostname: string): string {
  return hostname.replace(/\.$/, '').toLowerCase()
}
