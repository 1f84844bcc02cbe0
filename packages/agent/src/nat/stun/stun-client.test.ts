import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Address, decodeStun, encodeStun, type StunMessage } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createStunClient } from './stun-client.ts'

const server = { address: '198.51.100.1', port: 3478 }
const mapped = { address: '203.0.113.1', port: 51_820 }

describe('a STUN client', () => {
  it('returns the address that the server saw', async () => {
    const { client, answer } = aClient()
    const asked = client.ask(server)
    await answer({ mapped, other: { address: '198.51.100.2', port: 3479 } })
    assert.deepEqual(await asked, { mapped, other: { address: '198.51.100.2', port: 3479 } })
  })

  it('repeats the request, and fails after two seconds', async () => {
    const { client, clock, sent } = aClient()
    const asked = assert.rejects(client.ask(server), {
      name: 'StunError',
      refused: false,
      message: 'ask 198.51.100.1:3478: no answer within 2000 ms',
    })
    await clock.advance(2_000)
    await asked
    assert.equal(sent.length, 4)
    assert.equal(new Set(sent.map(({ transactionId }) => transactionId)).size, 1)
    assert.equal(clock.sleepers(), 0)
  })

  it('stops repeating after the answer', async () => {
    const { client, clock, sent, answer } = aClient()
    const asked = client.ask(server)
    await answer({ mapped })
    await asked
    await clock.advance(2_000)
    assert.equal(sent.length, 1)
  })

  it('says why the request could not be sent', async () => {
    const { client, clock } = aClient(async () => {
      throw new Error('send ENETUNREACH')
    })
    const asked = assert.rejects(client.ask(server), {
      message: 'ask 198.51.100.1:3478: no answer within 2000 ms: send ENETUNREACH',
    })
    await clock.advance(2_000)
    await asked
  })

  for (const [what, message, from] of [
    ['an answer to another question', { transactionId: '00'.repeat(12), mapped }, server],
    ['an answer from elsewhere', { mapped }, { address: '198.51.100.66', port: 3478 }],
    ['an answer from another port', { mapped }, { ...server, port: 3479 }],
    ['a refusal from elsewhere', { kind: 'error' }, { ...server, address: '198.51.100.66' }],
    ['a question', { kind: 'request', mapped }, server],
  ] as const)
    it(`does not believe ${what}`, async () => {
      const { client, clock, answer } = aClient()
      const asked = assert.rejects(client.ask(server), /no answer/)
      await answer(message, from)
      await clock.advance(2_000)
      await asked
    })

  it('accepts only an answer from the address that it asked for', async () => {
    const { client, answer } = aClient()
    const asked = client.ask(server, { change: { address: true, port: true } })
    await answer({ mapped }, { address: '198.51.100.2', port: 3479 })
    assert.deepEqual(await asked, { mapped })
  })

  it('distinguishes a server that ignores the change request from one that is silent', async () => {
    const { client, answer } = aClient()
    const asked = client.ask(server, { change: { address: true, port: true } })
    await answer({ mapped })
    await assert.rejects(asked, {
      refused: true,
      message: 'ask 198.51.100.1:3478: it cannot answer from another address',
    })
  })

  it('reports the code of an error', async () => {
    const { client, answer } = aClient()
    const asked = client.ask(server)
    await answer({ kind: 'error', errorCode: 420 })
    await assert.rejects(asked, { refused: true, message: 'ask 198.51.100.1:3478: error 420' })
  })

  it('has at most 32 requests in flight', async () => {
    const { client, clock } = aClient()
    const asked = Promise.allSettled(Array.from({ length: 33 }, () => client.ask(server)))
    await clock.advance(2_000)
    const last = (await asked)[32]
    assert.match(String(last?.status === 'rejected' && last.reason), /too many questions/)
  })

  it('stops when its caller gives up', async () => {
    const { client, clock } = aClient()
    const controller = new AbortController()
    const asked = client.ask(server, { signal: controller.signal })
    await clock.advance(1)
    controller.abort(new Error('stopping'))
    await assert.rejects(asked, { message: 'stopping' })
    assert.equal(clock.sleepers(), 0)
  })
})

function aClient(send: () => Promise<void> = async () => {}) {
  const sent: StunMessage[] = []
  let listener = (_datagram: Buffer, _from: Address): void => {}
  const clock = createFakeClock()
  const client = createStunClient({
    clock,
    socket: {
      port: 40_000,
      async send(datagram) {
        const message = decodeStun(datagram)
        if (message) sent.push(message)
        await send()
      },
      listen(next) {
        listener = next
      },
      async [Symbol.asyncDispose]() {},
    },
  })
  async function answer(message: Partial<StunMessage>, from: Address = server): Promise<void> {
    await clock.advance(1)
    const transactionId = sent[0]?.transactionId ?? ''
    listener(encodeStun({ kind: 'success', transactionId, ...message }), from)
  }
  return { client, clock, sent, answer }
}
