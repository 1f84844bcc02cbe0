import { CliError, exitCodes } from './cli.ts'
import { isMissing } from './error-code.ts'
import { describeError } from './log.ts'
import { readPlainFile } from './plain-file.ts'

/**
 * The mapping in a YAML (or JSON) file, `undefined` when there is no file. Throws a CliError that names the file, and the
 * line, for one that cannot be read: wrong usage, as a wrong setting in it would be.
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
  // Loaded for those who have such a file: it costs a tenth of a start.
  const { parseMapping } = await import('./yaml-mapping.ts')
  try {
    return parseMapping(text, path)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}
