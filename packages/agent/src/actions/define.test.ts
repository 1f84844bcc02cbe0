import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import { defineAction } from './define.ts'
import { jsonOutput } from './output.ts'

const ping = defineAction({
  name: 'diagnostics.ping_peer',
  description: 'Ping a peer',
  parameters: Type.Object({
    peer_id: Type.String({ description: 'Which peer' }),
    count: Type.Integer({ default: 3, minimum: 1, maximum: 100 }),
    quiet: Type.Optional(Type.Boolean()),
    family: Type.Optional(Type.Enum(['ipv4', 'ipv6'])),
    source: Type.Optional(Type.String({ pattern: '^[a-z0-9]+$' })),
  }),
  timeoutMs: 1_000,
  run: async (parameters) => jsonOutput(parameters),
})

const run = async (parameters: Record<string, unknown>): Promise<unknown> => {
  const context = {
    signal: new AbortController().signal,
    executionId: 'exec_1',
    action: ping.name,
    triggeredBy: {},
    outputBytes: 1_024,
  }
  const prepared = await ping.prepare(parameters)
  return JSON.parse((await prepared(context)).stdout)
}

describe('defineAction', () => {
  it('describes its parameters as the wire does', () => {
    assert.deepEqual(ping.parameters, [
      { name: 'peer_id', type: 'string', required: true, description: 'Which peer' },
      { name: 'count', type: 'int', required: true, default: 3 },
      { name: 'quiet', type: 'bool', required: false },
      { name: 'family', type: 'string', required: false, enum: ['ipv4', 'ipv6'] },
      { name: 'source', type: 'string', required: false, pattern: '^[a-z0-9]+$' },
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
      [{ peer_id: 'x', family: 'ipx' }, /: family "ipx": want "ipv4" or "ipv6"$/],
      [
        { peer_id: 'x', source: 'a b' },
        /: source "a b": want a text that matches \^\[a-z0-9\]\+\$$/,
      ],
      [{ count: '1' }, /peer_id/],
      [{ peer_id: 'x', cuont: '1' }, /"cuont" is not a parameter/],
    ]
    for (const [parameters, message] of bad) assert.throws(() => ping.prepare(parameters), message)
  })
})
