/**
 * Parses JSON so that `JSON.stringify` writes every number back as it stood: counters of 64 bits do not fit into a
 * JavaScript number.
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

function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  const isInexact = typeof value === 'number' && source !== undefined && source !== String(value)
  return isInexact ? rawJson(source) : value
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source) // not in TypeScript's library yet
}
