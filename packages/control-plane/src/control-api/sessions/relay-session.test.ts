import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import { adminApi, maxRelayMessageBytes, relayEnds } from '@plexd/protocol'
import { openWebSocket, type WebSocketStream } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { EnrolledNode } from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)}`

/** Of RFC 6455, section 5.2. */
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const

describe('a node whose frames are not as they should be', () => {
  const plane = openControlPlane()
  let node: EnrolledNode
  before(async () => {
    node = await plane.enrol('web', {
      capabilities: { sessions: { host_key: key, max_sessions: 10 } },
    })
  })

  it('is cut off for a message that is too long, before it is all there', async () => {
    await assertCutOff(1009, (socket) =>
      socket.write(frame({ bytes: maxRelayMessageBytes + 1, payload: Buffer.alloc(16) })),
    )
    await assertCutOff(1009, (socket) =>
      socket.write(frame({ bytes: Number.MAX_SAFE_INTEGER, payload: Buffer.alloc(16) })),
    )
  })

  it('is cut off for a message in parts that is too long', async () => {
    await assertCutOff(1009, (socket) => {
      const part = { isFinal: false, payload: Buffer.alloc(maxRelayMessageBytes / 2 + 1) }
      socket.write(frame(part))
      socket.write(frame({ ...part, opcode: opcodes.continuation }))
    })
  })

  it('is cut off for a message in very many parts', async () => {
    await assertCutOff(1008, (socket) => {
      const part = { isFinal: false, payload: Buffer.from('x') }
      socket.write(frame(part))
      for (let n = 0; n < 100; n++) socket.write(frame({ ...part, opcode: opcodes.continuation }))
    })
  })

  it('is cut off for text, for bytes that are not masked, and for what is no frame', async () => {
    await assertCutOff(1003, (socket) =>
      socket.write(frame({ opcode: opcodes.text, payload: Buffer.from('hello') })),
    )
    await assertCutOff(1002, (socket) =>
      socket.write(frame({ isMasked: false, payload: Buffer.from('hello') })),
    )
    await assertCutOff(1002, (socket) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  })

  it('is cut off for pings whose answers it does not read', async () => {
    const { socket, client } = await relayed()
    socket.pause()
    const pings = Buffer.concat(
      Array.from({ length: 1_000 }, () =>
        frame({ opcode: opcodes.ping, payload: Buffer.alloc(125) }),
      ),
    )
    const flood = setInterval(() => {
      if (socket.writableLength < 1024 ** 2) socket.write(pings)
    }, 1)
    assert.deepEqual(await client.resume().whenClosed, relayEnds.node_lost)
    clearInterval(flood)
    socket.destroy()
  })

  it('may send empty messages and very small ones: they arrive as one', async () => {
    const { socket, client } = await relayed()
    const frames: Buffer[] = []
    const count = 100_000
    for (let n = 0; n < count; n++) {
      frames.push(frame({ payload: Buffer.alloc(0) }))
      frames.push(frame({ payload: Buffer.from([n % 251]) }))
    }
    socket.write(Buffer.concat(frames))
    let received = 0
    let pieces = 0
    client.on('data', (part: Buffer) => {
      for (const byte of part) assert.equal(byte, received++ % 251)
      pieces++
    })
    await until('all have come', () => received === count)
    assert.ok(pieces < count / 10, `${pieces} messages`)
    socket.destroy()
  })

  it('may send what does not end: it is held, and lost with the connection', async () => {
    const { socket, client } = await relayed()
    socket.write(frame({ bytes: 1_000, payload: Buffer.alloc(10) }))
    socket.write(Buffer.alloc(20))
    socket.end()
    assert.deepEqual(await client.resume().whenClosed, relayEnds.node_lost)
    assert.equal(client.readableLength, 0)
  })

  /** The node is closed with the code, and the client is told that it was lost. */
  async function assertCutOff(code: number, send: (socket: Socket) => void): Promise<void> {
    const { socket, client } = await relayed()
    const received: Buffer[] = []
    socket.on('data', (bytes: Buffer) => received.push(bytes))
    send(socket)
    await until('the close has come', () => {
      const bytes = Buffer.concat(received)
      return bytes[0] === 0x88 && bytes.readUInt16BE(2) === code
    })
    socket.destroy()
    assert.deepEqual(await client.resume().whenClosed, relayEnds.node_lost)
  }

  /** A client, and a connection of the node that is as raw as it gets. */
  async function relayed(): Promise<{ socket: Socket; client: WebSocketStream }> {
    const body = { node: 'web', login: 'deploy', public_key: key, way: 'relay' as const }
    const { id } = (await plane.admin.openSession({ body })).body.session
    const client = await openWebSocket(adminApi.connectSession, {
      baseUrl: plane.url,
      userAgent: 'plexd/test',
      params: { session: id },
      token: plane.adminToken,
    })
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1')
    socket.on('error', () => {})
    const lines = [
      `GET /v1/nodes/${node.node_id}/sessions/${id}/relay HTTP/1.1`,
      'Host: x',
      `Authorization: Bearer ${node.token}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    assert.match(head.toString(), /^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/)
    return { socket, client }
  }
})

/** `bytes` is the length that it claims to have. */
function frame(options: {
  payload: Buffer
  bytes?: number
  opcode?: number
  isFinal?: boolean
  isMasked?: boolean
}): Buffer {
  const { payload, bytes = payload.length, isFinal = true, isMasked = true } = options
  const { opcode = opcodes.binary } = options
  const first = (isFinal ? 0x80 : 0) | opcode
  const mask = isMasked ? 0x80 : 0
  // Masking with zeros changes nothing.
  const key = Buffer.alloc(isMasked ? 4 : 0)
  if (bytes < 126) return Buffer.concat([Buffer.from([first, mask | bytes]), key, payload])
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = mask | 127
  head.writeBigUInt64BE(BigInt(bytes), 2)
  return Buffer.concat([head, key, payload])
}
