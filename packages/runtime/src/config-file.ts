import { readFile } from 'node:fs/promises'
import { parse, YAMLParseError } from 'yaml'

/** The mapping in a YAML (or JSON) file, `undefined` when there is no file. Errors name the file, and the line. */
export async function readConfigFile(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined // fs errors carry a code
    throw new Error(`read config "${path}"`, { cause })
  }
  return parseMapping(text, path)
}

/** `source` names the text in errors. An empty text is an empty mapping. */
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
