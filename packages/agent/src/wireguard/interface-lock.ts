import { once } from 'node:events'
import { createServer } from 'node:net'
import { findListeners } from './tunnel-processes.ts'

/**
 * Makes this process the only one that drives the interface: two would each put right for ever what the other did.
 * Undefined when another has it. The lock is a socket without a file, which the kernel removes with the process.
 */
export function lockInterface(name: string): Promise<AsyncDisposable | undefined> {
  return lock(name)
}

/** The same for the rules: there is one table of ours in a network namespace, however many interfaces there are. */
export function lockPacketFilter(): Promise<AsyncDisposable | undefined> {
  return lock('table inet plexd') // no interface has a name with spaces
}

/** Who has it, in words; empty for one that cannot be seen from here. */
export async function lockHolder(name: string): Promise<string> {
  const [holder] = await findListeners([`@plexd/${name}`])
  return holder ? `process ${holder.pid}` : ''
}

async function lock(name: string): Promise<AsyncDisposable | undefined> {
  // Every user may connect to it, and would hold a descriptor of ours with each connection.
  const server = createServer((socket) => socket.destroy()).listen({ path: `\0plexd/${name}` })
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // net errors carry a code
    if (code === 'EADDRINUSE') return undefined
    throw new Error(`lock "${name}"`, { cause: error })
  }
  server.unref()
  return server
}
