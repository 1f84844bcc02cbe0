/**
 * Runs a loop until it is disposed of; disposing resolves when the loop has ended. Only the signal ends it: any other
 * failure is a bug, and stays unhandled so that the process crashes.
 */
export function startTask(loop: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const controller = new AbortController()
  const done = loop(controller.signal).catch((error: unknown) => {
    if (!controller.signal.aborted) throw error
  })
  return {
    async [Symbol.asyncDispose]() {
      controller.abort()
      await done
    },
  }
}
