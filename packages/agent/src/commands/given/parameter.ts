import { CliError, exitCodes, printable } from '@plexd/runtime'

/** Adds a `key=value` to those before it; for an option that may be repeated. */
export function addParameter(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const cut = text.indexOf('=')
  if (cut < 1) throw new CliError(`--param "${printable(text)}": want KEY=VALUE`, exitCodes.usage)
  const key = text.slice(0, cut)
  if (Object.hasOwn(before, key))
    throw new CliError(
      `--param "${printable(text)}": "${printable(key)}" is given twice`,
      exitCodes.usage,
    )
  return { ...before, [key]: text.slice(cut + 1) }
}
