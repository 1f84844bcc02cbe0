import { CliError, describeError, exitCodes } from '@plexd/runtime'

/** What was tried with a file that was named, and why it failed, for who named it. */
export function fileError(title: string, error: unknown): CliError {
  const { code = '' } = error as NodeJS.ErrnoException
  return new CliError(`${title}: ${reasons[code] ?? describeError(error)}`, exitCodes.usage, {
    cause: undefined,
  })
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file: a part of its path is no folder',
  EISDIR: 'it is a folder: want a file',
  EACCES: 'you may not read it: change its mode, or use sudo',
  EPERM: 'you may not read it: change its mode, or use sudo',
}
