import { parse, YAMLParseError } from 'yaml'

/** The mapping that a YAML (or JSON) text is. `source` names the text in errors. An empty text is an empty mapping. */
export function parseMapping(text: string, source: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parse(text) ?? {}
  } catch (cause) {
    // The first line has the reason and the place; below it stands a part of the text, which may be a secret.
    const [reason] = (cause instanceof YAMLParseError ? cause.message : String(cause)).split(/:?\n/)
    throw new Error(`parse "${source}": ${reason}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`parse "${source}": want a mapping of names to values at the top`)
  }
  return value as Record<string, unknown> // an object that is no list
}
