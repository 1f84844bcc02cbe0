import {
  CliError,
  exitCodes,
  isMissing,
  ownersHere,
  readSecretFile,
  UnfitFile,
} from '@plexd/runtime'

/**
 * The text of a file with a key or a token of this node, undefined when there is none. Throws a CliError when others may
 * read or change it, or when it is somebody else's than `owners`; `exitCode` is that of a file which a person has named.
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

/** Who types `sudo plexd join --token-file FILE` has made the file himself. */
export function ownersOfTyped(env: NodeJS.ProcessEnv, dataDir: string): readonly number[] {
  const owners = ownersHere(dataDir)
  const typist = Number(env.SUDO_UID ?? '')
  return process.geteuid?.() === 0 && typist > 0 ? [...owners, typist] : owners
}
