import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  answerHeader,
  controlApi,
  type EventType,
  eventPayloads,
  eventTypes,
  NodeState,
  type Operation,
  RegisterResponse,
  RotateKeysResponse,
  type Transport,
  withKnownWords,
} from '@plexd/protocol'
import { resolveLimits, silentLog } from '@plexd/runtime'
import { createFakeClock, type Stranger, strangersOf } from '@plexd/runtime/testing'
import { Check } from 'typebox/value'
import { defaultConfig } from '../config/agent-config.ts'
import { limits as limitTable } from '../config/limits.ts'
import { clientOver } from '../control/client/client.ts'
import { type EventTargets, handleEvent } from '../events/handlers.ts'
import { generatePrivateKey } from '../identity/keys.ts'
import { register } from '../registration/register.ts'
import { readState } from '../state/read-state.ts'

const limits = resolveLimits(limitTable, {})
const key = Buffer.alloc(32, 1).toString('base64')
/** What fits the patterns of our schemas. */
const texts = { '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$': key }

/**
 * Words that a node does not guess at: which packets pass, and how a session is opened. What they are in is refused, and the node stays as
 * it is. So no control plane may say new ones before the agents of the version before know them.
 */
const guarded = ['policies[].rules[].protocol', 'policies[].rules[].action', 'session.way']

/** Where the strangers are that are refused, of all that there can be in the schema. */
async function refusedIn(schema: object, isTaken: (stranger: Stranger) => Promise<boolean>) {
  const strangers = strangersOf(schema, texts)
  assert.ok(strangers.length > 0)
  const taken = await Promise.all(strangers.map(isTaken))
  return strangers
    .filter((_, at) => !taken[at])
    .map(({ kind, where }) => (kind === 'word' ? where : `field in ${where || 'the whole'}`))
}

describe('what only a control plane of another version says', () => {
  it('costs a node nothing of its state, but for words that it must not guess', async () => {
    const refused = await refusedIn(NodeState, async ({ value }) => {
      const state = await readState(JSON.stringify(value), limits).catch(() => undefined)
      if (!state) return false
      const { peers, policies, data, secret_refs, left_out } = state
      const counts = [peers, policies, data, secret_refs, left_out].map(({ length }) => length)
      assert.deepEqual(counts, [1, 1, 1, 1, 0])
      return true
    })
    assert.deepEqual(
      refused,
      guarded.filter((place) => place.startsWith('policies')),
    )
  })

  it('keeps no node from enrolling, nor from its first peers', async () => {
    const refused = await refusedIn(RegisterResponse, async ({ value }) => {
      const { peers } = await enrolWith(value as RegisterResponse)
      return peers.length === 1
    })
    assert.deepEqual(refused, [])
  })

  it('keeps no node from the peers that it is told of with a new key', async () => {
    const refused = await refusedIn(RotateKeysResponse, async ({ value }) => {
      const { updated_peers } = value as RotateKeysResponse
      return Check(RotateKeysResponse, { updated_peers: updated_peers.map(withKnownWords) })
    })
    assert.deepEqual(refused, [])
  })

  it('spoils no other answer', async () => {
    for (const [name, operation] of Object.entries<Operation>(controlApi)) {
      if (!operation.response) continue
      const refused = await refusedIn(operation.response, async ({ value }) => {
        const { body } = await callOf(name, value)
        return JSON.stringify(body) === JSON.stringify(value)
      })
      assert.deepEqual(refused, [], name)
    }
  })

  for (const type of eventTypes)
    it(`costs a node no event "${type}", but for words that it must not guess`, async () => {
      const refused = await refusedIn(eventPayloads[type], async ({ value }) => {
        const { resyncs } = await handle(type, value)
        return !resyncs.includes('event payload does not fit')
      })
      const all = strangersOf(eventPayloads[type], texts).map(({ where }) => where)
      assert.deepEqual(
        refused,
        guarded.filter((place) => all.includes(place)),
      )
    })

  it('may be an event of another type, which is passed by and told of once', async () => {
    const unknownTypes = new Set<string>()
    const first = await handle('of_tomorrow' as EventType, {}, unknownTypes)
    const second = await handle('of_tomorrow' as EventType, {}, unknownTypes)
    assert.deepEqual([first.passed, second.passed], [['1-1'], ['1-1']])
    assert.deepEqual(
      [first.warnings, second.warnings],
      [
        [
          [
            'events of a type that this version of plexd does not know are left out',
            { event_type: 'of_tomorrow' },
          ],
        ],
        [],
      ],
    )
  })
})

function enrolWith(body: RegisterResponse) {
  const answer = { status: 201, headers: {}, body: { ...body, node_secret_key: key } }
  return register({
    config: { ...defaultConfig, hostname: 'web-01', apiUrl: 'https://cp.example.com' },
    client: { register: async () => answer },
    token: 'token',
    privateKey: generatePrivateKey(),
    capabilities: {},
    metadata: {},
    clock: createFakeClock(),
    log: silentLog,
  })
}

/** The answer of our control plane, through the gates of this agent. */
function callOf(name: string, value: unknown) {
  const transport: Transport = async () => ({
    status: 200,
    headers: { 'content-type': 'application/json', [answerHeader]: 'life' },
    body: JSON.stringify(value),
  })
  const client = clientOver(transport, { credentials: { bearer: () => 'token' }, limits })
  const params = { node_id: 'n', key: 'k', execution_id: 'e', session_id: 's', chunk: '0' }
  return client[name as 'heartbeat']({ params, body: {} }) // all are called alike
}

async function handle(type: EventType, payload: unknown, unknownTypes = new Set<string>()) {
  const seen = { resyncs: [] as string[], passed: [] as string[], warnings: [] as unknown[] }
  const targets: EventTargets = {
    async foldState() {},
    passBy: async (id) => void seen.passed.push(id),
    resync: async (reason) => void seen.resyncs.push(reason),
    executor: { async request() {}, cancel() {} },
    sessions: { async setUp() {}, async revoke() {} },
    keyRotation: { async request() {} },
    limits,
    unknownTypes,
    log: { ...silentLog, warn: (...told) => void seen.warnings.push(told) },
  }
  const event = {
    event_id: 'evt_1',
    event_type: type,
    issued_at: '2025-01-15T10:30:00Z',
    nonce: 'n',
    payload: JSON.stringify(payload),
  }
  await handleEvent(event, '1-1', targets)
  return seen
}
