import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { loadTls } from '../tls/authority.ts'
import { paceHandshakes } from './admission.ts'

describe('paceHandshakes', () => {
  it('lets everyone in, also behind those who never begin', async () => {
    await using folder = await makeTemporaryFolder()
    const { cert, key } = await loadTls({ dataDir: folder.path, listenHost: '127.0.0.1' })
    const ca = await readFile(join(folder.path, 'ca.crt'))
    const server = createServer({ cert, key }, (socket) => socket.end('in'))
    paceHandshakes(server, 20)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // it listens on TCP
    const silent = Array.from({ length: 40 }, () => connectPlain(port, '127.0.0.1'))
    await Promise.all(silent.map((socket) => once(socket, 'connect')))

    const texts = await Promise.all(
      Array.from({ length: 40 }, () => textOf(connect({ port, host: '127.0.0.1', ca }))),
    )
    assert.deepEqual(new Set(texts), new Set(['in']))

    for (const socket of silent) socket.destroy()
    server.close()
    await once(server, 'close')
  })
})

async function textOf(socket: TLSSocket): Promise<string> {
  const chunks = await Array.fromAsync(socket as AsyncIterable<Buffer>)
  return Buffer.concat(chunks).toString()
}
