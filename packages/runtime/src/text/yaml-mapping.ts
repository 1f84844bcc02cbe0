import { parseDocument, YAMLError } from 'yaml'

/** Parses a mapping from YAML (or JSON) text. `source` names the text in errors. An empty text is an empty mapping. */
export function parseMapping(text: string, source: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parse(text) ?? {}
  } catch (cause) {
    // Only the first line, with reason and position: the following lines quote the text, which may be a secret.
    const [reason] = (cause instanceof YAMLError ? cause.message : String(cause)).split(/:?\n/)
    throw new Error(`parse "${source}": ${reason}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`parse "${source}": want a mapping of names to values at the top`)
  }
  return value as Record<string, unknown> // an object that is no list
}

/** What the library would only warn of, on stderr and with the text, is an error: such as a tag that means nothing. */
function parse(text: string): unknown {
  const document = parseDocument(text)
  const [fault] = [...document.errors, ...document.warnings]
  if (fault) throw fault
  return document.toJS()
}
