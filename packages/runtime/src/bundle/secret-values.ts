/** Whole words in a name behind which a secret stands. */
const secretName =
  /(?:^|[._-])(?:token|secret|password|passwd|passphrase|psk|key|credentials?|auth|value)$/i
/** A mapping of these has values of anybody. */
const environmentName = /^env(?:ironment)?$/i

/** The texts below names that say so, all texts below the environment of a program, and the passwords in URLs. */
export function secretValues(value: unknown, name = '', isSecret = false): string[] {
  if (typeof value === 'string') {
    const isNamed = isSecret || (secretName.test(name) && !value.startsWith('/'))
    return [...(isNamed ? [value] : []), ...passwordsIn(value)]
  }
  if (typeof value !== 'object' || value === null) return []
  const isBelow = isSecret || environmentName.test(name)
  return Object.entries(value).flatMap(([key, item]) =>
    secretValues(item, Array.isArray(value) ? name : key, isBelow),
  )
}

function passwordsIn(text: string): string[] {
  return [...text.matchAll(/[a-z]:\/\/([^\s/?#"'@:]*):?([^\s/?#"'@]*)@/gi)].flatMap(
    ([, , password = '']) => [password, decoded(password)],
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
