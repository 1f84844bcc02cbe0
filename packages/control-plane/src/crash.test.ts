import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AdminApi,
  ApiError,
  adminApi,
  type Client,
  type ControlApi,
  controlApi,
  createClient,
  importVerifyKey,
  refusalOf,
} from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { Tables } from './store/schema.ts'
import { openKysely } from './store/sqlite.ts'
import { startProcess } from './testing/child.ts'
import { openEventReader, placeOf, type ReceivedBlock } from './testing/event-reader.ts'
import { newPublicKey } from './testing/harness.ts'

const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 4)
const clients = 8

/** What a node was told is so; `asked` is what it asked for and got no answer to. */
interface Known {
  id: string
  token: string
  endpoint: string
  key: string
  gone: boolean
  asked: { endpoint?: string; key?: string; gone?: boolean }
}

describe('a control plane that is killed while it is written to', () => {
  it(`loses nothing that it has acknowledged, ${rounds} times`, {
    timeout: 6 * 3_600_000,
  }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-crash-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(dataDir, { recursive: true }))
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--insecure-http']
    // Nodes do here at once what others do in a year.
    args.push('--limit', 'key_rotations_per_minute=1000000')
    const nodes: Known[] = []
    const seen: ReceivedBlock[] = []
    const observer = await enrolObserver(args, dataDir)

    for (let round = 0; round < rounds; round++) {
      await using child = await startProcess([...args, '--log-level', 'error'])
      using api = await connect(child.url, dataDir)
      await verify(api, nodes)
      const stop = new AbortController()
      const watching = watch(child.url, observer, seen)
      const working = Array.from({ length: clients }, () => work(api, nodes, stop.signal))
      await delay(50 + Math.random() * 300)
      // A busy machine may need longer than that for its first answer.
      await until('a node has been enrolled', () => nodes.length > round, 60_000)
      await child.kill('SIGKILL')
      stop.abort()
      await Promise.all([...working, watching])
    }

    await using child = await startProcess([...args, '--log-level', 'error'])
    using api = await connect(child.url, dataDir)
    await verify(api, nodes)
    await watchToEnd(child.url, observer, seen, api)
    await child.kill('SIGTERM')
    await compareWithLog(dataDir, observer, seen)
    assert.ok(nodes.length >= rounds)
  })
})

interface Api extends Disposable {
  admin: Client<AdminApi>
  as(token: string): Client<ControlApi>
}

async function connect(url: string, dataDir: string): Promise<Api> {
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const transport = createHttpTransport({ baseUrl: url, userAgent: 'plexd/test (harness)' })
  return {
    admin: createClient(adminApi, transport, () => token),
    as: (own) => createClient(controlApi, transport, () => own),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  }
}

interface Observer {
  id: string
  token: string
  startId: string
  key: CryptoKey
}

async function enrolObserver(args: readonly string[], dataDir: string): Promise<Observer> {
  await using child = await startProcess(args)
  using api = await connect(child.url, dataDir)
  const { body } = await register(api, 'observer', newPublicKey())
  const { node_id, node_token = '', signing_public_key } = body
  const state = await api.as(node_token).getState({ params: { node_id } })
  await child.kill('SIGTERM')
  return {
    id: node_id,
    token: node_token,
    startId: state.body.revision ?? '',
    key: await importVerifyKey(signing_public_key),
  }
}

async function register({ admin, as }: Api, hostname: string, public_key: string) {
  const { body } = await admin.createToken({ body: {} })
  return as('').register({ body: { token: body.token, public_key, hostname, capabilities: {} } })
}

/** One client: registers nodes and changes them, until the answers stop. */
async function work(api: Api, nodes: Known[], signal: AbortSignal): Promise<void> {
  const own: Known[] = []
  while (!signal.aborted) {
    try {
      await step(api, nodes, own)
    } catch (error) {
      // An answer of the server is a fault; no answer is what this is about.
      if (error instanceof ApiError) throw error
      return
    }
  }
}

async function step(api: Api, nodes: Known[], own: Known[]): Promise<void> {
  const node = own[Math.floor(Math.random() * own.length)]
  const chance = Math.random()
  if (!node || node.gone || chance < 0.15) {
    const key = newPublicKey()
    const { body } = await register(api, `node-${crypto.randomUUID()}`, key)
    const { node_id: id, node_token: token = '' } = body
    const known = { id, token, endpoint: '', key, gone: false, asked: {} }
    nodes.push(known)
    own.push(known)
    return
  }
  const call = api.as(node.token)
  const params = { node_id: node.id }
  if (chance < 0.2) {
    node.asked.gone = true
    await call.deregister({ params })
    node.gone = true
  } else if (chance < 0.4) {
    const key = newPublicKey()
    node.asked.key = key
    await call.rotateKeys({ body: { node_id: node.id, new_public_key: key } })
    node.key = key
  } else {
    const endpoint = `203.0.113.1:${1 + Math.floor(Math.random() * 60_000)}`
    node.asked.endpoint = endpoint
    await call.putEndpoint({ params, body: { public_endpoint: endpoint } })
    node.endpoint = endpoint
  }
  node.asked = {}
}

/** Everything acknowledged is so; what was asked for without an answer may be so. */
async function verify({ admin, as }: Api, nodes: Known[]): Promise<void> {
  const shown = new Map<string, { endpoint: string; public_key: string }>()
  for (let after: string | undefined; ; ) {
    const { body } = await admin.listNodes({
      query: { limit: '500', ...(after === undefined ? {} : { after }) },
    })
    for (const item of body.items) shown.set(item.id, item)
    if (body.next === null) break
    after = body.next
  }
  for (const node of nodes) {
    const found = shown.get(node.id)
    if (node.gone) assert.equal(found, undefined, `node "${node.id}" is back`)
    else if (!found) assert.equal(node.asked.gone, true, `node "${node.id}" is lost`)
    else {
      assert.ok([node.endpoint, node.asked.endpoint].includes(found.endpoint))
      assert.ok([node.key, node.asked.key].includes(found.public_key))
      Object.assign(node, { endpoint: found.endpoint, key: found.public_key })
    }
    node.gone ||= !found
    node.asked = {}
  }
  const [last] = nodes.filter(({ gone }) => !gone).slice(-1)
  if (last) await as(last.token).heartbeat({ params: { node_id: last.id }, body: {} })
}

/** Reads on from the last event until the stream breaks. Every envelope is checked as it comes. */
async function watch(url: string, observer: Observer, seen: ReceivedBlock[]): Promise<void> {
  // It may be killed before it answers.
  const opened = await openObserver(url, observer, seen).catch(() => undefined)
  if (!opened) return
  await using reader = opened
  await reader.ended
  seen.push(...(await verified(reader.blocks, observer)))
}

async function watchToEnd(
  url: string,
  observer: Observer,
  seen: ReceivedBlock[],
  { as }: Api,
): Promise<void> {
  const { body } = await as(observer.token).getState({ params: { node_id: observer.id } })
  await using reader = await openObserver(url, observer, seen)
  const last = () => (reader.blocks.at(-1) ?? seen.at(-1))?.id
  while (placeOf(last()) !== body.revision) await reader.next()
  seen.push(...(await verified(reader.blocks, observer)))
}

function openObserver(url: string, { id, token, startId }: Observer, seen: ReceivedBlock[]) {
  return openEventReader(url, { token, nodeId: id, lastEventId: seen.at(-1)?.id ?? startId })
}

async function verified(
  blocks: readonly ReceivedBlock[],
  { key }: Observer,
): Promise<readonly ReceivedBlock[]> {
  for (const { envelope } of blocks)
    assert.equal(await refusalOf(envelope, { keys: [key], nowMs: Date.now() }), undefined)
  return blocks
}

/** What came over all the streams is the log: each event once, in its order. */
async function compareWithLog(
  dataDir: string,
  { id, startId }: Observer,
  seen: readonly ReceivedBlock[],
): Promise<void> {
  await using db = openKysely<Tables>(join(dataDir, 'control-plane.db'), { readOnly: true })
  const { no } = await db
    .selectFrom('nodes')
    .select('no')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const { readEventsFor } = await import('./rows/log/events.ts')
  const [, afterSeq] = startId.split('-')
  const { events } = await readEventsFor(db, {
    no,
    afterSeq: Number(afterSeq),
    limit: 1_000_000,
  })
  assert.deepEqual(
    seen.map((block) => `${block.id?.split('-')[1]} ${block.envelope.event_id}`),
    events.map(({ seq, event_id }) => `${seq} ${event_id}`),
  )
}
