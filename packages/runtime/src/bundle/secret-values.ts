/** Ends of names behind which a secret stands, as in PGPASSWORD or accessToken; short ones are whole words. */
const secretName =
  /(?:token|secret|password|passwd|passphrase|apikey|credentials?|(?:^|[._-])(?:psk|key|auth|value|pass|pwd))$/i
/** A secret in base64 may begin with a slash, too. */
const path = /^\/[\w.@/-]*$/
/** A mapping of these has values of anybody. */
const environmentName = /^env(?:ironment)?$/i

/** The texts below names that say so, all texts below the environment of a program, and the passwords in URLs. */
export function secretValues(value: unknown, name = '', isSecret = false): string[] {
  if (typeof value === 'string') {
    const isNamed = isSecret || (secretName.test(name) && !path.test(value))
    return [...(isNamed ? [value] : []), ...passwordsIn(value)]
  }
  if (typeof value !== 'object' || value === null) return []
  const isBelow = isSecret || environmentName.test(name)
  return Object.entries(value).flatMap(([key, item]) =>
    secretValues(item, Array.isArray(value) ? name : key, isBelow),
  )
}

/** A user alone may be a key; a proxy may be named without "http://". */
function passwordsIn(text: string): string[] {
  const inUrls = text.matchAll(/[a-z0-9]:\/\/(?:[^\s/?#"'@:]*:)?([^\s/?#"']*)@/gi)
  const alone = text.matchAll(/^[^\s/?#"'@:]+:([^\s/?#"']+)@[\w.-]+(?::\d+)?\/?$/g)
  return [...inUrls, ...alone].flatMap(([, password = '']) => [password, decoded(password)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
