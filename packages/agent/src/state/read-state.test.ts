import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { defaultConfig } from '../config/agent-config.ts'
import { readState } from './read-state.ts'

/** How often others had their turn while `work` ran. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const others = (async () => {
    for (; !isOver; turns++) await setImmediate()
  })()
  await work().catch(() => {}) // whether it fits is for others to test
  isOver = true
  await others
  return turns
}

const { limits } = defaultConfig
const mebibyte = 1024 * 1024
const flat = (text: string): string => Buffer.from(text).toString()

describe('readState', () => {
  const long: [what: string, text: string][] = [
    ['deep', `{"data":[${'['.repeat(12 * mebibyte)}${']'.repeat(12 * mebibyte)}]}`],
    ['wide', `{"data":[${'{},'.repeat(20_000)}{}]}`],
    ['one value', `{"metadata":[${'1,'.repeat(12 * mebibyte)}1]}`],
  ]
  for (const [what, text] of long)
    it(`lets others have their turn while it reads what is ${what}`, async () => {
      const whole = flat(text)
      assert.ok((await turnsDuring(() => readState(whole, limits))) > 2)
    })

  it('skips an entry that is not an object, and accepts the others', async () => {
    const good = {
      data: '{"key":"b","content_type":"t","payload":1,"version":1,"updated_at":"2025-01-15T10:30:00Z"}',
      secret_refs: '{"key":"b","version":1}',
    }
    for (const list of ['data', 'secret_refs'] as const)
      for (const wrong of ['null', '5', '"x"', '[]', '[{"key":"a"}]']) {
        const state = await readState(`{"${list}":[${wrong},${good[list]}]}`, limits)
        assert.deepEqual(
          state[list].map(({ key }) => key),
          ['b'],
        )
        const [left, ...more] = state.left_out
        assert.deepEqual([left?.list, left?.key, more], [list, '?', []])
        assert.match(left?.why ?? '', /^it .*: want an object$/)
      }
  })

  it('refuses JSON without any field of a state, and accepts JSON with at least one', async () => {
    for (const other of ['{}', '{"status":"ok","items":[1]}'])
      await assert.rejects(readState(other, limits), /^TypeError: read state: /)
    for (const state of ['{"peers":null}', '{"data":[]}', '{"metadata":{}}'])
      assert.deepEqual((await readState(state, limits)).peers, [])
  })

  it('refuses text longer than any state before parsing it', async () => {
    await assert.rejects(
      readState(flat(`{"x":${'['.repeat(60 * mebibyte)}`), limits),
      /longer than 33554432 characters \(limit state_characters\)/,
    )
  })
})
