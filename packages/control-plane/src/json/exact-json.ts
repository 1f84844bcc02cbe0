/**
 * Parses JSON so that `JSON.stringify` writes back every number that JavaScript would round as it stood: counters of
 * 64 bits are kept exact. Such a number is an opaque object here.
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
  return digits.length > exactDigits ? rawJson(context.source) : value
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) // not in TypeScript's library yet
}
