/**
 * Parses JSON so that `JSON.stringify` writes back as it stood every number that JavaScript cannot hold: counters of
 * 64 bits, `1e400`, `-0`. Such a number is an opaque object here.
 */
export function parseExact(text: string): unknown {
  try {
    return JSON.parse(text, keepNumber)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // Nested so deeply that the walk over it has no stack left; without the walk it can be read.
    return JSON.parse(text)
  }
}

/** A double holds every decimal number of this many digits. */
const exactDigits = 15

function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  const digits = context.source.replace(/e.*$/i, '').replace(/\D/g, '').replace(/^0+/, '')
  const isHeld = Number.isFinite(value) && !Object.is(value, -0) && digits.length <= exactDigits
  return isHeld ? value : rawJson(context.source)
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) // not in TypeScript's library yet
}
