/** Shorter texts are no secrets, and would be found everywhere. */
const minLength = 6
const mark = '[redacted]'

/**
 * Takes these secrets out of any text, as they are, inside JSON or a URL, and encoded as hex or base64, alone or amid other bytes. The time
 * it takes does not grow with their number. Pure.
 */
export function createSecretCover(secrets: Iterable<string>): (text: string) => string {
  const byStart = new Map<string, string[]>()
  const long = [...secrets].filter((secret) => secret.length >= minLength)
  for (const form of new Set(long.flatMap(secretForms))) {
    const start = form.slice(0, minLength)
    byStart.set(start, [...(byStart.get(start) ?? []), form])
  }
  // One that contains another must be found first, or its rest would stay.
  for (const forms of byStart.values()) forms.sort((a, b) => b.length - a.length)
  const formAt = (text: string, at: number): string | undefined =>
    byStart.get(text.slice(at, at + minLength))?.find((form) => text.startsWith(form, at))

  return (text) => {
    const kept: string[] = []
    let from = 0
    for (let at = 0; at + minLength <= text.length && byStart.size > 0; ) {
      const form = formAt(text, at)
      if (form === undefined) at += 1
      else {
        kept.push(text.slice(from, at), mark)
        at += form.length
        from = at
      }
    }
    return kept.join('') + text.slice(from)
  }
}

/** How a secret may be written. */
export function secretForms(secret: string): string[] {
  const inUrl = encodeURIComponent(secret.toWellFormed())
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    inUrl,
    inUrl.replace(/%../g, (code) => code.toLowerCase()),
    ...bytesForms(Buffer.from(secret)),
    // A key in base64 is bytes, which others write as hex.
    ...(/^[\w+/-]{22,}={0,2}$/.test(secret) ? bytesForms(Buffer.from(secret, 'base64')) : []),
  ].filter((form) => form.length >= minLength)
}

function bytesForms(bytes: Buffer): string[] {
  const hex = bytes.toString('hex')
  const base64 = [0, 1, 2].map((before) => base64Amid(bytes, before))
  const forUrls = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [hex, hex.toUpperCase(), ...base64, ...forUrls]
}

/** The characters that depend on these bytes alone when so many others stand in front of them, and any behind. */
function base64Amid(bytes: Buffer, before: number): string {
  const length = before + bytes.length
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  return text.slice(Math.ceil((before * 8) / 6), length % 3 === 0 ? undefined : -1)
}
