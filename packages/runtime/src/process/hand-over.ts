/**
 * Completes a start: the resources it has opened stay open, and are closed by the returned disposable. Call it last,
 * in the last field of the result: if anything before it throws, all resources are still on the stack and get closed.
 */
export function handOver(stack: AsyncDisposableStack): () => Promise<void> {
  const opened = stack.move()
  return () => opened.disposeAsync()
}
