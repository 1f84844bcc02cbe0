/**
 * Runs a loop until it is disposed of; disposing resolves when the loop has ended. The loop ends by the signal's
 * abort and by nothing else: any other failure is a bug, left unhandled on purpose, so that the process dies loudly.
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
