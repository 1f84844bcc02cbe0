import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startSshNode } from '../../../testing/ssh-node.ts'
import { connectSsh } from './connect.ts'
import { newKey } from './keys.ts'

describe('an SSH connection', () => {
  it('has ended when the other side has, also over a socket whose halves end by themselves', async () => {
    await using node = await startSshNode()
    await using relay = await startRelay(node.address)
    const socket = net.connect({ port: relay.port, allowHalfOpen: true })
    await once(socket, 'connect')
    const to = { node: 'web-01', login: 'deploy', key: await newKey(), hostKey: node.hostKey }
    using ssh = await connectSsh(socket, to)

    relay.end()

    assert.equal(await Promise.race([ssh.ended, delay(20_000, 'still open', { ref: false })]), '')
    assert.ok(socket.destroyed)
  })
})

/** Leads to an address, and ends its own half alone. */
async function startRelay(
  address: string,
): Promise<AsyncDisposable & { port: number; end(): void }> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const far = net.connect(Number(port), hostname)
  const server = net.createServer({ allowHalfOpen: true })
  const accepted = once(server, 'connection').then(([socket]: net.Socket[]) => {
    socket?.pipe(far).pipe(socket, { end: false })
    return socket
  })
  server.listen(0)
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port, // of a TCP server
    end: () => void accepted.then((socket) => socket?.end()),
    async [Symbol.asyncDispose]() {
      const socket = await accepted
      socket?.destroy()
      far.destroy()
      server.close()
    },
  }
}
