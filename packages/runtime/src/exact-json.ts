/**
 * Parses JSON so that `JSON.stringify` writes back as it stood every number that JavaScript cannot hold: counters of
 * 64 bits, `1e400`, `-0`; or, by `isHeld`, any other. Such a number is an opaque object here.
 */
export function parseExact(text: string, isHeld = holds): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      if (typeof value !== 'number' || context?.source === undefined) return value
      return isHeld(value, context.source) ? value : rawJson(context.source)
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // Nested so deeply that the walk over it has no stack left; without the walk it can be read.
    return JSON.parse(text)
  }
}

/** A double holds every decimal number of this many digits. */
const exactDigits = 15

function holds(value: number, source: string): boolean {
  const digits = source.replace(/e.*$/i, '').replace(/\D/g, '').replace(/^0+/, '')
  return Number.isFinite(value) && !Object.is(value, -0) && digits.length <= exactDigits
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) // not in TypeScript's library yet
}
