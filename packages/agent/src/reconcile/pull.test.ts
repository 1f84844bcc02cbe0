import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answer, ApiError, type NodeState, type SigningKeys } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../config/agent-config.ts'
import { createStateChanges } from '../events/state-changes.ts'
import { createProblems } from '../health/problems.ts'
import type { DesiredState } from '../state/desired-state.ts'
import { holdDesired } from '../testing/desired.ts'
import { pullState } from './pull.ts'

const oldKey = Buffer.alloc(32, 1).toString('base64')
const newKey = Buffer.alloc(32, 2).toString('base64')

describe('pullState', () => {
  it('stores the state, and reports how it differs', async () => {
    const setup = setUp({})
    setup.answers.push(ok({ metadata: { env: 'prod' }, revision: '1-5' }))

    assert.deepEqual(await setup.pull(), [{ type: 'metadata_updated' }])
    assert.partialDeepStrictEqual(setup.state(), { metadata: { env: 'prod' }, revision: '1-5' })
  })

  it('asks for what is newer than its revision', async () => {
    const setup = setUp({ revision: '1-5', metadata: { a: 'b' } })
    setup.answers.push({ status: 304, headers: {}, body: undefined as never }) // as the client gives it

    assert.deepEqual(await setup.pull(), [])
    assert.deepEqual(setup.asked, ['"1-5"'])
    assert.deepEqual(setup.state().metadata, { a: 'b' })
  })

  it('asks for everything when told to, or when it has no revision', async () => {
    const setup = setUp({ revision: '1-5' })
    setup.answers.push(ok({ revision: '1-5' }), ok({ revision: '1-6' }))
    await setup.pull({ whole: true })
    await setup.desired.replace({ ...setup.state(), revision: '' })
    await setup.pull()
    assert.deepEqual(setup.asked, [undefined, undefined])
  })

  it('passes on what the control plane says of itself, to be verified with the keys from before', async () => {
    const setup = setUp({})
    const announcement = { text: '{}', signature: '' }
    setup.answers.push(ok({ announcement, signing_keys: { current: newKey } }))
    await setup.pull()
    assert.equal(setup.state().signing_keys?.current, newKey)
    assert.deepEqual(setup.announced, [[announcement, [oldKey]]])
  })

  it('takes the ETag for the revision of a server that names none', async () => {
    const setup = setUp({})
    setup.answers.push(ok({}, { etag: 'W/"abc"' }))
    await setup.pull()
    assert.equal(setup.state().revision, 'abc')
  })

  it('asks again when an event overtook the answer', async () => {
    const setup = setUp({ revision: '1-5' })
    setup.answers.push(
      async () => {
        const payload = { metadata: { at: '7' }, data: [] }
        await setup.changes.foldState({ type: 'node_state_updated', payload }, '1-7')
        return ok({ metadata: { at: '6' }, revision: '1-6' })
      },
      ok({ metadata: { at: '7' }, revision: '1-7' }),
    )

    await setup.pull()

    assert.equal(setup.asked.length, 2)
    assert.deepEqual(setup.state().metadata, { at: '7' })
  })

  it('never goes back to an older state of the same log', async () => {
    const setup = setUp({ revision: '1-9', metadata: { at: '9' } })
    const older = ok({ metadata: { at: '8' }, revision: '1-8' })
    setup.answers.push(older, ok({ metadata: { at: '10' }, revision: '1-10' }))
    await setup.pull()
    assert.deepEqual(setup.state().metadata, { at: '10' })

    setup.answers.push(older, older, older)
    await assert.rejects(setup.pull({ whole: true }), /revision "1-8" is older than "1-10"/)
    assert.deepEqual(setup.state().metadata, { at: '10' })

    setup.answers.push(ok({ metadata: { at: 'restored' }, revision: '2-1' }))
    await setup.pull()
    assert.deepEqual(setup.state().metadata, { at: 'restored' })
  })

  it('changes nothing for an answer that does not fit', async () => {
    for (const body of [{ metadata: { a: 1 } }, { peers: [{ id: 'x' }] }, [], 'x', undefined]) {
      const setup = setUp({ revision: '1-5', metadata: { a: 'b' } })
      setup.answers.push({ status: 200, headers: {}, body: body as unknown as NodeState }) // what a broken server sends
      await assert.rejects(setup.pull(), /read state/)
      assert.partialDeepStrictEqual(setup.state(), { revision: '1-5', metadata: { a: 'b' } })
    }
  })

  const entry = { content_type: 't', version: 1, updated_at: '2025-01-15T10:30:00Z' }

  it('takes all but the entry that does not fit, and remembers which that was', async () => {
    const deep = (levels: number) =>
      JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown
    for (const [bad, why] of [
      [{ ...entry, key: '', payload: 1 }, /key "": it is empty/],
      [{ ...entry, key: 'k'.repeat(513), payload: 1 }, /key "k{64}…": it has 513/],
      [{ ...entry, key: 'deep', payload: deep(100) }, /nested deeper than 64/],
      [{ ...entry, key: 'large', payload: 'x'.repeat(5_000_000) }, /larger than 4194304 bytes/],
      [{ ...entry, key: 'none' }, /payload/],
    ] as const) {
      const setup = setUp({})
      const good = { ...entry, key: 'good', payload: { a: 1 } }
      setup.answers.push(
        ok({
          data: [good, bad as typeof good, { ...good, key: 'last' }],
          secret_refs: [
            { key: '', version: 1 },
            { key: 's', version: 1 },
          ],
          metadata: { a: 'b' },
          revision: '1-5',
        }),
      )

      await setup.pull()

      const { data, secret_refs, metadata, left_out } = setup.state()
      assert.deepEqual(
        data.map(({ key, payload }) => [key, payload]),
        [
          ['good', '{"a":1}'],
          ['last', '{"a":1}'],
        ],
      )
      assert.deepEqual([secret_refs, metadata], [[{ key: 's', version: 1 }], { a: 'b' }])
      assert.deepEqual(
        left_out.map(({ list, key }) => [list, key.slice(0, 4)]),
        [
          ['data', bad.key.slice(0, 4)],
          ['secret_refs', ''],
        ],
      )
      assert.match(left_out[0]?.why ?? '', why)
    }
  })

  it('keeps payloads as they were written', async () => {
    const setup = setUp({})
    const payload = '{"b":[9007199254740993,1e400,-0,1.50],"2":1,"b":"<"}'
    setup.answers.push({
      ...ok({}),
      text: JSON.stringify({
        ...stateOf({}),
        data: [{ ...entry, key: 'k', payload: '%' }],
      }).replace('"%"', payload),
    })
    await setup.pull()
    assert.equal(setup.state().data[0]?.payload, payload.replace('<', '\\u003c'))
  })

  it("refuses another node's state", async () => {
    const setup = setUp({})
    setup.answers.push(ok({ node_id: 'n_other' }))
    await assert.rejects(setup.pull(), /that of node "n_other"/)
  })

  it('takes lists that are null or missing, as other servers send them', async () => {
    const setup = setUp({ metadata: { a: 'b' } })
    const body = { peers: null, policies: null, metadata: null, data: null, secret_refs: null }
    setup.answers.push({ status: 200, headers: {}, body: body as unknown as NodeState }) // as Go encodes it
    await setup.pull()
    assert.partialDeepStrictEqual(setup.state(), {
      peers: [],
      policies: [],
      metadata: {},
      data: [],
    })
  })

  it('rejects with the error of the call', async () => {
    const setup = setUp({})
    setup.answers.push(() => Promise.reject(new ApiError('unavailable', 'stopping')))
    await assert.rejects(setup.pull(), /stopping/)
  })
})

describe('signing keys of a pulled state', () => {
  const rotated: SigningKeys = {
    current: newKey,
    previous: oldKey,
    transition_expires: '2030-01-01T00:00:00Z',
  }

  it('are taken over verified TLS', async () => {
    const setup = setUp({}, { authentic: true })
    setup.answers.push(ok({ signing_keys: rotated }))
    await setup.pull()
    assert.deepEqual(setup.state().signing_keys, rotated)
    // What was refused for want of it is asked for again; what is known already starts nothing.
    setup.answers.push(ok({ signing_keys: rotated }))
    await setup.pull()
    assert.deepEqual(setup.learned, [newKey])
  })

  it('are refused over plain HTTP, loudly, with the rest of the state taken', async () => {
    for (const keys of [
      rotated,
      { current: newKey },
      { ...rotated, current: oldKey, previous: newKey },
    ]) {
      const setup = setUp({}, { authentic: false })
      setup.answers.push(ok({ signing_keys: keys, metadata: { a: 'b' } }))
      await setup.pull()
      assert.deepEqual(setup.state().signing_keys, { current: oldKey })
      assert.deepEqual(setup.state().metadata, { a: 'b' })
      assert.match(setup.problems.list().join(), /plain HTTP cannot vouch/)
    }
  })

  it('are taken over plain HTTP when nothing is new', async () => {
    const setup = setUp({ signing_keys: rotated }, { authentic: false })
    setup.answers.push(ok({ signing_keys: { current: newKey } }))
    await setup.pull()
    assert.deepEqual(setup.state().signing_keys, { current: newKey })
    assert.deepEqual(setup.problems.list(), [])
  })

  it('stay when the server names none', async () => {
    const setup = setUp({})
    const { signing_keys, ...rest } = stateOf({})
    setup.answers.push({ status: 200, headers: {}, body: rest as NodeState }) // as other servers send it
    await setup.pull()
    assert.deepEqual(setup.state().signing_keys, { current: oldKey })
  })
})

type StateAnswer = Answer<NodeState>

function setUp(start: Partial<DesiredState>, { authentic = true } = {}) {
  const desired = holdDesired(start)
  const changes = createStateChanges({ desired, onMeshChange() {}, onGap() {} })
  const problems = createProblems()
  const asked: (string | undefined)[] = []
  const announced: unknown[][] = []
  const learned: (string | undefined)[] = []
  const answers: (StateAnswer | (() => Promise<StateAnswer>))[] = []
  const client = {
    async getState({ headers }: { headers?: Record<string, string> }) {
      asked.push(headers?.['if-none-match'])
      const answer = answers.shift() ?? assert.fail('asked too often')
      return typeof answer === 'function' ? answer() : answer
    },
  }
  const deps = {
    client,
    nodeId: 'n_test',
    desired,
    changes,
    signingKeys: () => desired.current().signing_keys ?? { current: oldKey },
    authentic,
    onAnnouncement: async (...told: unknown[]) => void announced.push(told),
    onNewKey: () => void learned.push(desired.current().signing_keys?.current),
    problems,
    limits: defaultConfig.limits,
    clock: createFakeClock(),
    log: silentLog,
  }
  const pull = ({ whole = false } = {}) =>
    pullState(deps, { whole, signal: new AbortController().signal })
  return {
    desired,
    changes,
    problems,
    asked,
    learned,
    announced,
    answers,
    pull,
    state: desired.current,
  }
}

function stateOf(part: Partial<NodeState>): NodeState {
  return {
    peers: [],
    policies: [],
    signing_keys: { current: oldKey },
    metadata: {},
    data: [],
    secret_refs: [],
    ...part,
  }
}

function ok(part: Partial<NodeState>, headers: Record<string, string> = {}): StateAnswer {
  return { status: 200, headers, body: stateOf(part) }
}
