/** What the system calls the error, as `ENOENT`; undefined for what is no error of the system. */
export function errorCodeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code // errors of files and sockets carry one, others give undefined
}
