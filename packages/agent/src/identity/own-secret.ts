import {
  CliError,
  exitCodes,
  isMissing,
  ownersHere,
  readSecretFile,
  UnfitFile,
} from '@plexd/runtime'

/**
 * The text of a file with a key or a token of this node; undefined if there is none. Throws a CliError with `exitCode` if
 * others may read or change it, or its owner is not one of `owners`.
 */
export function readOwnSecret(
  path: string,
  owners: readonly number[],
  exitCode: number = exitCodes.failed,
): string | undefined {
  try {
    return readSecretFile(path, `read "${path}"`, owners)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (isMissing(error)) return undefined
    const remedy = error instanceof UnfitFile ? error.remedy : undefined
    throw new CliError(error.message, exitCode, { cause: error.cause, remedy })
  }
}

/** With `sudo plexd join --token-file FILE`, the file may belong to the user who called sudo. */
export function ownersOfTyped(env: NodeJS.ProcessEnv, dataDir: string): readonly number[] {
  const owners = ownersHere(dataDir)
  const typist = Number(env.SUDO_UID ?? '')
  return process.geteuid?.() === 0 && typist > 0 ? [...owners, typist] : owners
}
