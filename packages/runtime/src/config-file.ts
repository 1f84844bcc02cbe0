import { readFile } from 'node:fs/promises'
import { errorCodeOf } from './error-code.ts'

/** The mapping in a YAML (or JSON) file, `undefined` when there is no file. Errors name the file, and the line. */
export async function readConfigFile(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (errorCodeOf(cause) === 'ENOENT') return undefined
    throw new Error(`read config "${path}"`, { cause })
  }
  // Loaded for those who have such a file: it costs a tenth of a start.
  const { parseMapping } = await import('./yaml-mapping.ts')
  return parseMapping(text, path)
}
