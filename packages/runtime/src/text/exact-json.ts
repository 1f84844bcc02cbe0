/**
 * Parses JSON so that `JSON.stringify` reproduces every number that JavaScript cannot represent, such as 64-bit
 * counters, `1e400` and `-0`; `isHeld` can restrict that further. Such a number becomes an opaque object.
 */
export function parseExact(text: string, isHeld = holds): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      if (typeof value !== 'number' || context?.source === undefined) return value
      return isHeld(value, context.source) ? value : rawJson(context.source)
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // Nested so deeply that the reviver overflows the stack; plain parsing still works.
    return JSON.parse(text)
  }
}

/** A double represents every decimal number of this many digits exactly. */
const exactDigits = 15

function holds(value: number, source: string): boolean {
  const digits = source.replace(/e.*$/i, '').replace(/\D/g, '').replace(/^0+/, '')
  return Number.isFinite(value) && !Object.is(value, -0) && digits.length <= exactDigits
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) // not in TypeScript's lib yet
}
