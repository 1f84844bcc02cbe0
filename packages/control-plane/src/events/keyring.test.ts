import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { importVerifyKey, issuedAt, parseEnvelope, refusalOf } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { replaceSigningKey } from '../rotation/signing-key.ts'
import { readAfter } from '../rows/log/log.ts'
import { openEventReader, type ReceivedBlock } from '../testing/event-reader.ts'
import { type EnrolledNode, startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { openKeyring } from './keyring.ts'

const hour = 3_600_000

describe('signing keys', () => {
  it('are told as the union of what the seed and the Go agent know, signed with the old key', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web-01')
    await using reader = await open(plane, web)
    const old = web.signing_public_key

    await replaceSigningKey(plane.app, 24 * hour)

    const block = await reader.next('signing_key_rotated')
    const { current } = plane.app.keyring.signingKeys()
    assert.notEqual(current, old)
    assert.deepEqual(block.payload, {
      current,
      previous: old,
      transition_expires: '2025-01-16T10:30:00.000Z',
      new_signing_public_key: current,
      valid_from: '2025-01-15T10:30:00.000Z',
      transition_period: '24h0m0s',
    })
    assert.equal(await refusal(block, old, clock.now()), undefined)
    const { body } = await web.api.getState({ params: web })
    assert.deepEqual(body.signing_keys, {
      current,
      previous: old,
      transition_expires: '2025-01-16T10:30:00.000Z',
    })
  })

  it('sign with the new key from then on, and replay what was before under the old one', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const { body } = await web.api.getState({ params: web })
    await move(db, 1)
    await replaceSigningKey(plane.app, hour)
    await move(db, 2)
    const { current } = plane.app.keyring.signingKeys()
    const old = web.signing_public_key

    await using reader = await open(plane, web, body.revision)
    const [before, rotated, after] = [await reader.next(), await reader.next(), await reader.next()]

    const valid = (block: ReceivedBlock, key: string) => refusal(block, key, clock.now())
    assert.equal(await valid(before, old), undefined)
    assert.equal(await valid(rotated, old), undefined)
    assert.equal(await valid(after, current), undefined)
    assert.equal(await valid(after, old), 'bad signature')
  })

  it('are one again when the transition is over, in the state and in an event', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web-01')
    await replaceSigningKey(plane.app, 60_000)
    await using reader = await open(plane, web)
    await clock.advance(66_000)

    const { payload } = await reader.next('signing_key_rotated')
    const { current } = plane.app.keyring.signingKeys()
    assert.deepEqual(
      [payload.current, payload.previous, payload.transition_expires],
      [current, null, null],
    )
    const { body } = await web.api.getState({ params: web })
    assert.deepEqual(body.signing_keys, { current, previous: null, transition_expires: null })
  })

  it('are replaced one after the other', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const outcomes = await Promise.allSettled([
      replaceSigningKey(plane.app, 60_000),
      replaceSigningKey(plane.app, 60_000),
    ])
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    await assert.rejects(
      replaceSigningKey(plane.app, 60_000),
      isError(409, /^a signing key is being replaced: its transition ends at 2025-01-15T10:31:00/),
    )
    await clock.advance(66_000)
    await replaceSigningKey(plane.app, 60_000)
    const rows = await plane.app.store.reader.selectFrom('signing_keys').select('state').execute()
    assert.deepEqual(rows.map(({ state }) => state).toSorted(), ['current', 'previous', 'retired'])
  })

  it('are opened by a master key that came while they were replaced', async () => {
    await using folder = await makeTemporaryFolder()
    const first = await startControlPlane({ dataDir: folder.path })
    const { change, masterKey, masterKeyRotation } = first.app
    const changeLater: typeof change = async (work) => {
      await masterKeyRotation.run()
      return change(work)
    }
    await replaceSigningKey({ change: changeLater, masterKey }, hour)
    const told = first.app.keyring.signingKeys()
    await first[Symbol.asyncDispose]()

    await using again = await startControlPlane({ dataDir: folder.path })
    assert.deepEqual(again.app.keyring.signingKeys(), told)
  })

  it('are known to a second follower of the log', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const { store, masterKey, keyring } = plane.app
    const second = await openKeyring({ store, masterKey, clock })
    await replaceSigningKey(plane.app, hour)

    const page = (await readAfter(store.reader, 0)) ?? assert.fail()
    second.follow(page)

    assert.notEqual(keyring.signingKeys().previous, null)
    assert.deepEqual(second.signingKeys(), keyring.signingKeys())
  })

  it('are the same after a restart, in the middle of a transition too', async () => {
    await using folder = await makeTemporaryFolder()
    const first = await startControlPlane({ dataDir: folder.path })
    await first.enrol('web-01')
    const old = first.app.keyring.signingKeys().current
    await replaceSigningKey(first.app, hour)
    const told = first.app.keyring.signingKeys()
    const news = first.app.heads.last()
    await first[Symbol.asyncDispose]()

    await using again = await startControlPlane({ dataDir: folder.path })

    const { keyring } = again.app
    assert.deepEqual(keyring.signingKeys(), told)
    const event = {
      event_type: 'resync',
      event_id: 'evt_1',
      issued_at: issuedAt(Date.now()),
      nonce: 'n',
      payload: '{}',
    }
    const refusedBy = async (key: string, seq: number) =>
      refusalOf(parseEnvelope(await keyring.sign(event, seq)), {
        keys: [await importVerifyKey(key)],
        nowMs: Date.now(),
      })
    assert.equal(await refusedBy(old, news), undefined)
    assert.equal(await refusedBy(old, news + 1), 'bad signature')
    assert.equal(await refusedBy(told.current, news + 1), undefined)
  })
})

function open({ url }: TestControlPlane, { token, node_id }: EnrolledNode, lastEventId?: string) {
  return openEventReader(url, {
    token,
    nodeId: node_id,
    ...(lastEventId === undefined ? {} : { lastEventId }),
  })
}

async function move(node: EnrolledNode, port: number): Promise<void> {
  await node.api.putEndpoint({ params: node, body: { public_endpoint: `203.0.113.1:${port}` } })
}

async function refusal({ envelope }: ReceivedBlock, key: string, nowMs: number) {
  return refusalOf(envelope, { keys: [await importVerifyKey(key)], nowMs })
}
