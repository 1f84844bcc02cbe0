import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { describeError } from '@plexd/runtime'
import { createUserspaceBackend, uapiSocketPath } from './backend-userspace.ts'
import { NoAnswer } from './uapi-connection.ts'
import { createUapiWatch } from './uapi-watch.ts'

describe('wireguard-go on its socket', () => {
  it('is read and written', async () => {
    await using setup = await setUp(['listen_port=51820\nerrno=0\n\n', 'errno=0\n\n'])

    assert.deepEqual(await setup.backend.read(), {
      private_key: '',
      listen_port: 51820,
      fwmark: 0,
      peers: [],
    })
    await setup.backend.write({ listen_port: 51821, peers: [] })
    assert.deepEqual(setup.requests, ['get=1\n\n', 'set=1\nlisten_port=51821\n\n'])
  })

  it('names the refused request, and the reason', async () => {
    await using setup = await setUp(['errno=-98\n\n', 'listen_port=5'])

    const write = setup.backend.write({ listen_port: 51820, peers: [] })
    await assert.rejects(write, says('ask wireguard-go for "plexd0": address already in use'))
    const read = setup.backend.read()
    await assert.rejects(read, says('ask wireguard-go for "plexd0": answer was cut off'))
  })

  it('is reported as silent after a time limit', async () => {
    await using setup = await setUp([], { timeoutMs: 50, isSilent: true })

    const silence = (error: unknown): boolean =>
      error instanceof Error && error.cause instanceof NoAnswer
    await assert.rejects(setup.backend.read(), silence)
    await assert.rejects(
      setup.backend.write({ peers: [] }),
      says('ask wireguard-go for "plexd0": no answer within 0.1 s'),
    )
  })

  it('gets all requests on one connection, except one made while another is being answered', async () => {
    await using setup = await setUp(Array.from({ length: 6 }, () => fine))
    const { backend } = setup
    await backend.read()
    await backend.write({ peers: [] })
    await backend.read()
    assert.equal(setup.connections(), 1)

    await Promise.all([backend.read(), backend.read()])
    assert.equal(setup.connections(), 2)
    await backend.read()
    assert.equal(setup.connections(), 2)
  })

  it('gets a new connection after a refusal, and after closing the old one', async () => {
    await using setup = await setUp(['errno=-22\n\n', fine, fine, fine])
    const { backend } = setup
    await assert.rejects(backend.write({ peers: [] }))
    await backend.read()
    assert.equal(setup.connections(), 2)

    setup.disconnect()
    await backend.read()
    await backend.read()
    assert.equal(setup.connections(), 3)
  })

  it('gets a new connection when its socket was replaced', async () => {
    await using setup = await setUp([fine])
    await setup.backend.read()
    await using successor = await setUp([fine])
    await rename(successor.path, setup.path)

    await setup.backend.read()
    assert.equal(successor.requests.length, 1)
  })

  it('notices connections of other programs, but not our own', async () => {
    await using setup = await setUp(Array.from({ length: 12 }, () => fine))
    const { backend, uapiWatch, pass } = setup
    const look = async (): Promise<void> => {
      const lookEnds = uapiWatch.lookStarts()
      await backend.read()
      lookEnds()
    }
    assert.equal(uapiWatch.sawOthers(), undefined)
    await backend.read()
    assert.equal(uapiWatch.sawOthers(), true, 'somebody may have connected when we did')
    for (const ms of [0, 50, 2_000]) {
      pass(ms)
      await look()
    }
    assert.equal(uapiWatch.sawOthers(), false)
    await backend.write({ peers: [] })
    await backend.read()
    assert.equal(uapiWatch.sawOthers(), false)

    await setup.visit()
    assert.equal(uapiWatch.sawOthers(), true)
    await backend.write({ peers: [] })
    assert.equal(uapiWatch.sawOthers(), true, 'a write of ours does not show what others did')
    await backend.read()
    assert.equal(uapiWatch.sawOthers(), true, 'nobody has acted on a read outside a look')
    await look()
    assert.equal(uapiWatch.sawOthers(), false)
    pass(50)
    assert.equal(uapiWatch.sawOthers(), true, 'who had only just connected may not have spoken yet')
    await look()

    const looking = look()
    await setup.visit()
    await looking
    assert.equal(uapiWatch.sawOthers(), true, 'nor does a look that began before show it')
  })
})

const fine = 'errno=0\n\n'

function says(text: string): (error: unknown) => true {
  return (error) => {
    assert.equal(describeError(error), text)
    return true
  }
}

/** Something that answers as wireguard-go does. */
async function setUp(
  answers: string[],
  { isSilent = false, ...options }: { timeoutMs?: number; isSilent?: boolean } = {},
) {
  const uapiDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const path = uapiSocketPath(uapiDir, 'plexd0')
  const requests: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    sockets.add(socket.once('close', () => sockets.delete(socket)))
    let request = ''
    socket.on('data', (chunk) => {
      request += chunk
      if (!request.endsWith('\n\n')) return
      requests.push(request)
      request = ''
      if (isSilent) return
      const answer = answers.shift() ?? ''
      if (answer.endsWith('\n\n')) socket.write(answer)
      else socket.end(answer)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  let nowMs = 1_000
  const uapiWatch = createUapiWatch(path, { clock: { monotonic: () => nowMs } })
  return {
    path,
    requests,
    uapiWatch,
    pass(ms: number) {
      nowMs += ms
    },
    connections: () => connections,
    disconnect() {
      for (const socket of sockets) socket.destroy()
    },
    backend: createUserspaceBackend({ interfaceName: 'plexd0', uapiDir, uapiWatch, ...options }),
    async visit() {
      const socket = connect(path)
      socket.end('get=1\n\n').resume()
      await once(socket, 'close')
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await rm(uapiDir, { recursive: true, force: true })
    },
  }
}
