import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import { defineAction } from './define.ts'
import { jsonOutput, truncateOutput } from './output.ts'

const ping = defineAction({
  name: 'diagnostics.ping_peer',
  description: 'Ping a peer',
  parameters: Type.Object({
    peer_id: Type.String({ description: 'Which peer' }),
    count: Type.Integer({ default: 3, minimum: 1, maximum: 100 }),
    quiet: Type.Optional(Type.Boolean()),
  }),
  timeoutMs: 1_000,
  run: async (parameters) => jsonOutput(parameters),
})

const run = async (parameters: Record<string, unknown>): Promise<unknown> => {
  const context = { signal: new AbortController().signal }
  return JSON.parse((await ping.prepare(parameters)(context)).stdout)
}

describe('defineAction', () => {
  it('describes its parameters as the wire does', () => {
    assert.deepEqual(ping.parameters, [
      { name: 'peer_id', type: 'string', required: true, description: 'Which peer' },
      { name: 'count', type: 'int', required: true, default: 3 },
      { name: 'quiet', type: 'bool', required: false },
    ])
  })

  it('reads texts as the declared type, and takes typed values too', async () => {
    const want = { peer_id: '7', count: 5, quiet: true }
    assert.deepEqual(await run({ peer_id: '7', count: '5', quiet: 'true' }), want)
    assert.deepEqual(await run({ peer_id: '7', count: 5, quiet: true }), want)
    assert.deepEqual(await run({ peer_id: '7' }), { peer_id: '7', count: 3 })
  })

  it('names the parameter that does not fit', () => {
    const bad: [Record<string, unknown>, RegExp][] = [
      [{ peer_id: 'x', count: 'many' }, /: count "many": want a whole number$/],
      [{ peer_id: 'x', count: '0' }, /: count 0: want 1 or more$/],
      [{ peer_id: 'x', quiet: 'yes' }, /: quiet "yes": want true or false$/],
      [{ count: '1' }, /peer_id/],
      [{ peer_id: 'x', cuont: '1' }, /"cuont" is not a parameter/],
    ]
    for (const [parameters, message] of bad) assert.throws(() => ping.prepare(parameters), message)
  })
})

describe('truncateOutput', () => {
  it('leaves alone what fits', () => {
    assert.equal(truncateOutput('x'.repeat(100), 100), 'x'.repeat(100))
  })

  it('cuts to the limit, note included, between characters', () => {
    for (let limit = 20; limit < 40; limit++) {
      const cut = truncateOutput('€'.repeat(100), limit)
      assert.ok(Buffer.byteLength(cut) <= limit, String(limit))
      assert.match(cut, /^€*\n\.\.\.\[truncated\]$/)
    }
  })
})
