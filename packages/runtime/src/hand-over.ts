/**
 * Ends a start: what it has opened stays open, and is closed by what comes back. To be the last thing that it does, as the
 * last field of what it resolves to: what fails before finds all of it still on the stack, and so closed.
 */
export function handOver(stack: AsyncDisposableStack): () => Promise<void> {
  const opened = stack.move()
  return () => opened.disposeAsync()
}
