import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Of 127.0.0.1, for a program that cannot say which one it took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.close()
  return port
}
