/** What the system calls the error, as `ENOENT`; undefined for what is no error of the system. */
export function errorCodeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code // errors of files and sockets carry one, others give undefined
}

/** Whether an error, or what it comes from, is that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (
    errorCodeOf(error) === 'ENOENT' || errorCodeOf((error as Error | undefined)?.cause) === 'ENOENT'
  )
}

/** For what may be missing: undefined then. Throws every other error. */
export function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}
