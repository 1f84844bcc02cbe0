import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { parseReply } from './echo.ts'
import type { PingSocket } from './ping-socket.ts'
import { probeSizes } from './size-probe.ts'
import { describeCut } from './size-watch.ts'

describe('probeSizes', () => {
  it('finds what passes, for all peers at once', async () => {
    const { socket, sent } = aNetwork({ '10.100.0.2': 9_000, '10.100.0.3': 1_290, '10.100.0.4': 0 })

    const sizes = await probe(socket, ['10.100.0.2', '10.100.0.3', '10.100.0.4', '10.100.0.5'])

    assert.deepEqual(Object.fromEntries(sizes), {
      '10.100.0.2': 'whole',
      '10.100.0.3': 1_280,
      '10.100.0.4': 'unknown',
      '10.100.0.5': 'unknown',
    })
    assert.equal(sent('10.100.0.2'), 2)
    assert.equal(sent('10.100.0.4'), 2)
  })

  it('does not conclude anything from one lost packet', async () => {
    const { socket } = aNetwork({ '10.100.0.2': 9_000 }, { lost: 2 })

    assert.deepEqual([...(await probe(socket, ['10.100.0.2']))], [['10.100.0.2', 'whole']])
  })
})

describe('describeCut', () => {
  const peers = [
    { id: 'n_db', mesh_ip: '10.100.0.2' },
    { id: 'n_web', mesh_ip: '10.100.0.3' },
  ]

  it('says what to set, and nothing where nothing is known to be cut', () => {
    assert.equal(
      describeCut(peers, (id) => (id === 'n_db' ? 1_340 : 1_280), 1_420),
      'packets of 1420 bytes do not reach peer n_db, 10.100.0.2, and 1 more, while those of 1280 do, and no ICMP tells of it: set "mesh.mtu: 1280" in the config on both sides, or let ICMP "fragmentation needed" pass',
    )
    assert.equal(
      describeCut(peers, (id) => (id === 'n_db' ? 'whole' : 'unknown'), 1_420),
      undefined,
    )
  })
})

function probe(socket: PingSocket, addresses: string[]) {
  const clock = createFakeClock()
  const sleep = async (ms: number): Promise<void> => void (await clock.advance(ms))
  const { signal } = new AbortController()
  return probeSizes(socket, addresses, { mtu: 1_420, clock: { ...clock, sleep }, signal })
}

/** Answers what is no larger than the way to an address takes; one packet is lost, counted from 1. */
function aNetwork(takes: Record<string, number>, { lost = 0 } = {}) {
  const sent: string[] = []
  let answers: Uint8Array[] = []
  const socket: PingSocket = {
    send(message, to) {
      const takesBytes = takes[to]
      if (takesBytes === undefined) return false
      sent.push(to)
      if (message.length + 20 <= takesBytes && sent.length !== lost)
        answers.push(answerTo(message, to))
      return true
    },
    read() {
      const now = answers
      answers = []
      return now
    },
    follow() {},
    close() {},
  }
  return { socket, sent: (to: string) => sent.filter((other) => other === to).length }
}

function answerTo(message: Uint8Array, from: string): Uint8Array {
  const packet = Buffer.alloc(20 + message.length)
  packet.writeUInt8(0x45, 0)
  packet.set(from.split('.').map(Number), 12)
  packet.set(message, 20)
  packet.writeUInt8(0, 20)
  assert.ok(parseReply(packet, packet.readUInt16BE(24)))
  return packet
}
