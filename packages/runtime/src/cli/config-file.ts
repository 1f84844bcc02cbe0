import { isMissing } from '../files/error-code.ts'
import { readPlainFile } from '../files/plain-file.ts'
import { describeError } from '../log/log.ts'
import type { PathValues } from '../text/yaml-mapping.ts'
import { CliError, exitCodes } from './cli.ts'

/**
 * The mapping in a YAML (or JSON) file, `undefined` if there is no file. Throws a CliError with the file and the
 * line if it cannot be read, with the exit code of wrong usage, like a wrong setting.
 */
export async function readConfigFile(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = readPlainFile(path, `read config "${path}"`)
  } catch (error) {
    const { message, cause } = error as Error // it throws no others
    if (isMissing(error)) return undefined
    throw new CliError(message, exitCodes.usage, { cause })
  }
  return parseConfig(text, path)
}

/** The mapping in YAML (or JSON) text. Throws the same CliError; `source` is what it says was read. */
export async function parseConfig(text: string, source: string): Promise<Record<string, unknown>> {
  // Loaded lazily: it takes a tenth of the start time, and most installations have no config file.
  const { parseMapping } = await import('../text/yaml-mapping.ts')
  try {
    return parseMapping(text, source)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

/** YAML text with these values in it, and its comments. Throws a CliError. */
export async function editConfig(
  text: string,
  values: PathValues,
  source: string,
): Promise<string> {
  const { editMapping } = await import('../text/yaml-mapping.ts')
  try {
    return editMapping(text, values, source)
  } catch (error) {
    throw new CliError(`${describeError(error)}: write it there by hand`, exitCodes.usage)
  }
}
