/** What comes first: what is waited for, or the end, which rejects with its reason. A full disk keeps nobody from ending. */
export async function orAborted<Result>(
  waited: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([waited, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
