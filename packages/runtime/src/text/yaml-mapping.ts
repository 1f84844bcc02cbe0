import { parseDocument } from 'yaml'

/** Parses a mapping from YAML (or JSON) text. `source` names the text in errors. An empty text is an empty mapping. */
export function parseMapping(text: string, source: string): Record<string, unknown> {
  const document = parse(text, source)
  let value: unknown
  try {
    value = document.toJS() ?? {}
  } catch (cause) {
    throw fault(cause, source)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`parse "${source}": want a mapping of names to values at the top`)
  }
  return value as Record<string, unknown> // an object that is no list
}

/** Values with their paths: names from the top of the mapping. */
export type PathValues = readonly (readonly [path: readonly string[], value: unknown])[]

/** The text with these values in it. Comments, and all that is not named, stay. Throws an Error if a path leads through something that is no mapping. */
export function editMapping(text: string, values: PathValues, source: string): string {
  parseMapping(text, source)
  const document = parse(text, source)
  for (const [path, value] of values) {
    try {
      document.setIn(path, value)
    } catch (cause) {
      throw new Error(`edit "${source}": there is no place for "${path.join('.')}"`, { cause })
    }
  }
  return document.toString({ lineWidth: 0 })
}

/** What the library would only warn of, on stderr and with the text, is an error: such as a tag that means nothing. */
function parse(text: string, source: string): ReturnType<typeof parseDocument> {
  const document = parseDocument(text)
  const [wrong] = [...document.errors, ...document.warnings]
  if (wrong) throw fault(wrong, source)
  return document
}

/** Only the first line, with reason and position: the following lines quote the text, which may be a secret. */
function fault(cause: unknown, source: string): Error {
  const [reason] = (cause instanceof Error ? cause.message : String(cause)).split(/:?\n/)
  return new Error(`parse "${source}": ${reason}`)
}
