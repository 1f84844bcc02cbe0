/** Resolves to what is waited for; rejects with the reason of the signal if that is aborted first, and leaves the other to itself. */
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
