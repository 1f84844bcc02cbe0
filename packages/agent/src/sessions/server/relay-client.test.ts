import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import type { OpenedSession } from '../link.ts'
import { awaitRelayClient } from './relay-client.ts'

const session = { session_id: 'sess_1' } as OpenedSession

/** A control plane that refuses, loses its node, or brings clients: one answer for each time that it is asked, the last for ever. */
async function run(
  ...answers: ('refuses' | 'is lost' | 'brings a stranger' | 'brings a client')[]
) {
  const over = new AbortController()
  const waits: number[] = []
  const refused: string[] = []
  let dials = 0
  await awaitRelayClient(session, {
    async dial() {
      const answer = answers[Math.min(dials++, answers.length - 1)]
      if (answer === 'refuses') throw new Error('409')
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
      if (answer !== 'is lost') stream.push('SSH-2.0-client')
      return Object.assign(stream, { answer })
    },
    async accept(stream) {
      await new Promise(setImmediate) // what has come is read
      const { answer } = stream as { answer?: string }
      if (answer !== 'brings a client') throw new Error('the connection was closed')
    },
    ended: over.signal,
    onReady: () => {},
    onRefused: (why) => void refused.push(why),
    clock: {
      async sleep(ms) {
        waits.push(ms)
        if (waits.length === 20) over.abort()
      },
    },
    log: silentLog,
  })
  return { dials, waits, refused }
}

describe('awaitRelayClient', () => {
  it('waits for another client when one has not shown who it is', async () => {
    const { dials, refused } = await run('brings a stranger', 'brings a client')
    assert.equal(dials, 2)
    assert.deepEqual(refused, [])
  })

  it('gives up after five of them, each after a longer pause', async () => {
    const { dials, waits, refused } = await run('brings a stranger')
    assert.equal(dials, 5)
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000])
    assert.deepEqual(refused, ['the connection was closed'])
  })

  it('dials for as long as the session lasts while nobody comes', async () => {
    assert.equal((await run('is lost')).dials, 20)
    const { dials, waits } = await run('refuses')
    assert.equal(dials, 20)
    assert.deepEqual(waits.slice(0, 7), [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  })
})
