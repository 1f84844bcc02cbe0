import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createLog, decodeStun, encodeStun, openUdpSocket, silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { startStunServer } from './server.ts'

const transactionId = '000102030405060708090a0b'
const request = encodeStun({ kind: 'request', transactionId })

describe('the STUN server', () => {
  it('tells whoever asks from where', async () => {
    await using server = await open()
    await using client = await aClient()

    client.socket.send(request, server.port, '127.0.0.1')

    const [answer] = await once(client.socket, 'message')
    assert.deepEqual(decodeStun(answer), {
      kind: 'success',
      transactionId,
      mapped: { address: '127.0.0.1', port: client.port },
    })
  })

  it('is silent to what is no question, and to one that it cannot answer as wanted', async () => {
    await using server = await open()
    await using client = await aClient()
    const wrong = [
      Buffer.from('hello'),
      Buffer.alloc(20),
      encodeStun({ kind: 'success', transactionId }),
      encodeStun({ kind: 'request', transactionId, change: { address: true, port: true } }),
    ]
    let answers = 0
    client.socket.on('message', () => answers++)

    for (const datagram of [...wrong, request])
      client.socket.send(datagram, server.port, '127.0.0.1')
    // Datagrams on loopback keep their order.
    await once(client.socket, 'message')

    assert.equal(answers, 1)
  })

  it('answers from the address that it was asked at, where it serves all of a host', async () => {
    const free = await openUdpSocket(0, '127.0.0.1')
    const { port } = free
    await free[Symbol.asyncDispose]()
    const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    await using _server = await startStunServer({ host: '0.0.0.0', port }, silentLog, {
      addressesOf: () => addresses,
    })
    await using client = await aClient()

    for (const address of addresses) {
      client.socket.send(request, port, address)
      const [, from] = await once(client.socket, 'message')
      assert.deepEqual([from.address, from.port], [address, port])
    }
  })

  it('refuses a question with an attribute that it would have to understand', async () => {
    await using server = await open()
    await using client = await aClient()
    const question = Buffer.from(`0001${'0008'}2112a442${transactionId}7ff10004deadbeef`, 'hex')

    client.socket.send(question, server.port, '127.0.0.1')

    const [answer] = await once(client.socket, 'message')
    assert.deepEqual(decodeStun(answer), {
      kind: 'error',
      transactionId,
      errorCode: 420,
      unknown: [0x7ff1],
    })
  })

  it('says once of an address that another has its port, and goes on when it cannot learn the addresses', async () => {
    await using taken = await openUdpSocket(0, '127.0.0.2')
    const lines: string[] = []
    let looks = 0
    const addressesOf = (): string[] => {
      if (++looks === 2) throw new Error('read interfaces: no')
      return looks < 5 ? ['127.0.0.1', '127.0.0.2'] : ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    }
    await using _server = await startStunServer(
      { host: '0.0.0.0', port: taken.port },
      { ...silentLog, warn: (line) => lines.push(line) },
      { addressesOf, everyMs: 1 },
    )
    await using client = await aClient()
    const answered = once(client.socket, 'message')
    const asking = setInterval(() => client.socket.send(request, taken.port, '127.0.0.3'), 20)

    const [, from] = await answered
    clearInterval(asking)

    assert.equal(from.address, '127.0.0.3')
    assert.deepEqual(lines, ['STUN is not served, nodes ask others', 'addresses for STUN not read'])
  })

  it('says that it serves nothing where its one address is not of this machine', async () => {
    const lines: string[] = []
    const log = { ...silentLog, warn: (line: string) => lines.push(line) }
    await using _server = await startStunServer({ host: '192.0.2.1', port: 0 }, log)
    assert.equal(lines.length, 1)
  })

  it('leaves a port to whoever has it, and takes it when that has gone', async () => {
    const taken = await openUdpSocket(0, '127.0.0.1')
    const lines: string[] = []
    const push = (line: string): void => void lines.push(line)
    const log = { ...silentLog, warn: push, info: push }
    const place = { host: '127.0.0.1', port: taken.port }
    await using _server = await startStunServer(place, log, { everyMs: 1 })
    await taken[Symbol.asyncDispose]()
    await until('it serves', () => lines.length === 2)
    await using client = await aClient()
    client.socket.send(request, place.port, place.host)
    await once(client.socket, 'message')
    assert.deepEqual(lines, ['STUN is not served, nodes ask others', 'STUN is served'])
  })
})

async function open() {
  const free = await openUdpSocket(0, '127.0.0.1')
  const { port } = free
  await free[Symbol.asyncDispose]()
  const server = await startStunServer({ host: '127.0.0.1', port }, createLog('test', 'error'))
  return { port, [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose]() }
}

async function aClient(): Promise<{ socket: Socket; port: number } & AsyncDisposable> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const closed = once(socket, 'close')
  return {
    socket,
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close()
      await closed
    },
  }
}
