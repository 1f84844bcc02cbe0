/** The system's code of an error, such as `ENOENT`; undefined for other errors. */
export function errorCodeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code // errors of files and sockets carry one, others give undefined
}

/** Whether an error, or one of its causes, is ENOENT. */
export function isMissing(error: unknown): boolean {
  return (
    errorCodeOf(error) === 'ENOENT' || errorCodeOf((error as Error | undefined)?.cause) === 'ENOENT'
  )
}

/** For a file that may be missing: returns undefined then, and throws any other error. */
export function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}
