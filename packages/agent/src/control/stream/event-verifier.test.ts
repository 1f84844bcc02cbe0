import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SigningKeys } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { openTestDatabase } from '../../testing/database.ts'
import { createTestSigner } from '../../testing/signer.ts'
import { createEventVerifier } from './event-verifier.ts'
import { createStreamMemory } from './memory.ts'

const minute = 60_000

describe('createEventVerifier', () => {
  it('believes an event once', async () => {
    using setup = await setUp()
    const text = await setup.signer.envelope({ eventId: 'evt_1' })

    assert.equal((await setup.verify(text)).event?.event_id, 'evt_1')
    assert.deepEqual(await setup.verify(text), { refusal: 'replayed', eventId: 'evt_1' })
  })

  it('refuses what is stale, from the future, malformed or of a stranger', async () => {
    using setup = await setUp()
    const { verify, signer, clock } = setup
    const stranger = await createTestSigner(clock)
    const refusalOf = async (text: string) => (await verify(text)).refusal

    assert.equal(
      await refusalOf(await signer.envelope({ issuedMs: clock.now() - 6 * minute })),
      'stale',
    )
    assert.equal(
      await refusalOf(await signer.envelope({ issuedMs: clock.now() + 6 * minute })),
      'from the future',
    )
    assert.equal(await refusalOf(await stranger.envelope()), 'bad signature')
    assert.equal(await refusalOf('{"event_type":"x"'), 'malformed')
    assert.equal(await refusalOf('{}'), 'malformed')
    assert.equal(await refusalOf(`{"payload":${'['.repeat(1_000_000)}`), 'malformed')
  })

  it('does not let a forger use up the nonce of the real event', async () => {
    using setup = await setUp()
    const { verify, signer, clock } = setup
    const stranger = await createTestSigner(clock)

    await verify(await stranger.envelope({ nonce: 'n1' }))

    assert.equal((await verify(await signer.envelope({ nonce: 'n1' }))).refusal, undefined)
  })

  it('believes the previous key until the transition ends', async () => {
    using setup = await setUp()
    const { verify, signer, clock } = setup
    const next = await createTestSigner(clock)
    setup.keys = {
      current: next.keys.current,
      previous: signer.keys.current,
      transition_expires: new Date(clock.now() + minute).toISOString(),
    }

    assert.equal((await verify(await signer.envelope())).refusal, undefined)
    assert.equal((await verify(await next.envelope())).refusal, undefined)
    await clock.advance(minute)
    assert.equal((await verify(await signer.envelope())).refusal, 'bad signature')
    assert.equal((await verify(await next.envelope())).refusal, undefined)
  })

  it('does not believe a previous key without an end', async () => {
    using setup = await setUp()
    const { verify, signer, clock } = setup
    const next = await createTestSigner(clock)
    setup.keys = { current: next.keys.current, previous: signer.keys.current }

    assert.equal((await verify(await signer.envelope())).refusal, 'bad signature')
  })
})

async function setUp() {
  const store = openTestDatabase()
  const clock = createFakeClock()
  const signer = await createTestSigner(clock)
  const memory = createStreamMemory(store.database, clock)
  const held: { keys: SigningKeys } = { keys: signer.keys }
  return Object.assign(held, {
    signer,
    clock,
    verify: createEventVerifier(memory, () => held.keys, { clock, limits: defaultConfig.limits }),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  })
}
