import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Makes this process the only one that drives the interface: two would each put right for ever what the other did.
 * Undefined when another has it. The lock is a socket without a file, which the kernel removes with the process.
 */
export async function lockInterface(name: string): Promise<AsyncDisposable | undefined> {
  const server = createServer().listen({ path: `\0plexd/${name}` })
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // net errors carry a code
    if (code === 'EADDRINUSE') return undefined
    throw new Error(`lock interface "${name}"`, { cause: error })
  }
  server.unref()
  return server
}
