import assert from 'node:assert/strict'
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { Client, ControlApi } from '@plexd/protocol'
import { comparable } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { openEventReader } from '../testing/event-reader.ts'
import { startControlPlane, type TestControlPlane, withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { createWanderer, type Wanderer } from '../testing/wanderer.ts'
import { changeNode } from './nodes.ts'

const runs = Number(process.env.PLEXD_HISTORY_RUNS ?? 8)

type Step =
  | { do: 'join' | 'backup' | 'restore' | 'restart'; nth: number }
  | { do: 'move' | 'label' | 'lengthen' | 'rotate'; nth: number }
  | { do: 'open' | 'open fresh' | 'close' | 'read' | 'pull' | 'heartbeat'; nth: number }

const stepOf = (...names: Step['do'][]) =>
  fc.record({ do: fc.constantFrom(...names), nth: fc.nat(3) }) as fc.Arbitrary<Step>
const ofNodes = stepOf('open', 'open fresh', 'close', 'read', 'pull', 'heartbeat')
const ofState = stepOf('move', 'move', 'label', 'lengthen', 'rotate', 'join')

describe('one history', () => {
  it('is what a node has in the end, in whatever order it joins, follows its stream and pulls', async (t) => {
    const steps = fc.array(
      fc.oneof({ weight: 3, arbitrary: ofNodes }, { weight: 2, arbitrary: ofState }),
      {
        minLength: 4,
        maxLength: 25,
      },
    )
    await check(t, steps)
  })

  it('is that of the backup and of what came behind it, wherever a node was when that was restored', async (t) => {
    const some = fc.array(fc.oneof(ofNodes, ofState), { maxLength: 8 })
    const steps = fc
      .record({
        before: some,
        lost: some,
        others: some,
        after: some,
        again: fc.boolean(),
        restart: fc.boolean(),
      })
      .map(({ before, lost, others, after, again, restart }): Step[] => [
        ...before,
        { do: 'backup', nth: 0 },
        ...lost,
        { do: 'restore', nth: 0 },
        ...others,
        ...(again ? [{ do: 'restore' as const, nth: 0 }] : []),
        ...(restart ? [{ do: 'restart' as const, nth: 0 }] : []),
        ...after,
      ])
    await check(t, steps)
  })
})

describe('a node whose control plane was restored from a backup', () => {
  it('is given the whole state for a revision that the log has given out again, and told so by its stream', async () => {
    let revision = ''
    await using after = await restoredBehind(async (_, api, node_id) => {
      revision = (await api.getState({ params: { node_id } })).body.revision ?? ''
    })
    await after.change(7)
    const { status, body } = await after.pull(revision)
    assert.equal(body.revision?.split('-')[1], revision.split('-')[1])
    assert.equal(status, 200)
    assert.equal(body.peers[0]?.endpoint, '203.0.113.9:7')
    for (const at of [{ lastEventId: revision }, { revision }]) {
      await using reader = await after.open(at)
      const { payload } = await reader.next('resync')
      assert.match(String(payload.reason), /of a history that a restored backup took back$/)
    }
  })

  it('is not believed to have all that was before an event when it has shown no state: that may be ahead of the backup', async () => {
    let cursor = ''
    await using after = await restoredBehind(async (plane) => {
      cursor = plane.app.heads.positionOf(0)
    })
    await using reader = await after.open({ lastEventId: cursor })
    await after.change(8)
    const { id = '' } = await reader.next('peer_endpoint_changed')
    assert.match(id, /-c$/)
    assert.equal((await after.pull(id)).status, 200)
    await after.change(9)
    assert.doesNotMatch((await reader.next('peer_endpoint_changed')).id ?? '', /-c$/)
  })
})

/** `web-01` and `db-01`, which moved after the backup; `lost` comes after that. */
async function restoredBehind(
  lost: (plane: TestControlPlane, api: Client<ControlApi>, nodeId: string) => Promise<void>,
) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await makeTemporaryFolder())
  const dataDir = join(folder.path, 'data')
  const database = join(dataDir, 'control-plane.db')
  const copy = join(folder.path, 'backup.db')
  const [web, db] = await withControlPlane(dataDir, async (plane) => {
    const nodes = [await plane.enrol('web-01'), await plane.enrol('db-01')] as const
    for (const node of nodes) await node.api.heartbeat({ params: node, body: {} })
    backUp(database, copy)
    await relabel(plane, nodes[1].node_id, { endpoint: '203.0.113.9:1' })
    await lost(plane, nodes[0].api, nodes[0].node_id)
    return nodes
  })
  await restore(copy, database)
  const plane = stack.use(await startControlPlane({ dataDir }))
  const { token, node_id } = web
  const restored = stack.move()
  return {
    change: (port: number) => relabel(plane, db.node_id, { endpoint: `203.0.113.9:${port}` }),
    pull: (revision: string) =>
      plane.clientFor(token).getState({
        params: { node_id },
        headers: { 'if-none-match': `"${revision}"` },
      }),
    open: (at: { lastEventId?: string; revision?: string }) =>
      openEventReader(plane.url, { token, nodeId: node_id, ...at }),
    [Symbol.asyncDispose]: () => restored.disposeAsync(),
  }
}

async function check(
  t: { diagnostic(text: string): void },
  steps: fc.Arbitrary<Step[]>,
): Promise<void> {
  const seed = Number(process.env.PLEXD_SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.diagnostic(`PLEXD_SEED=${seed}`)
  await fc.assert(fc.asyncProperty(steps, play), {
    numRuns: runs,
    seed,
    // On a busy machine a few are enough; who asks for more gets them all.
    ...(process.env.PLEXD_HISTORY_RUNS === undefined ? { interruptAfterTimeLimit: 60_000 } : {}),
  })
}

async function play(steps: readonly Step[]): Promise<void> {
  await using world = await openWorld()
  for (const step of steps) await world.take(step)
  await world.compare()
}

interface World extends AsyncDisposable {
  take(step: Step): Promise<void>
  compare(): Promise<void>
}

async function openWorld(): Promise<World> {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await makeTemporaryFolder())
  const dataDir = join(folder.path, 'data')
  const database = join(dataDir, 'control-plane.db')
  const copy = join(folder.path, 'backup.db')
  let plane = await startControlPlane({ dataDir })
  stack.defer(() => plane[Symbol.asyncDispose]())
  let nodes: Wanderer[] = []
  stack.defer(
    async () => void (await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))),
  )
  let count = 0

  async function join_(): Promise<void> {
    const knowsResync = count % 2 === 0
    nodes.push(
      await createWanderer(plane, { hostname: `node-${++count}-${Date.now()}`, knowsResync }),
    )
  }

  async function restart(meanwhile: () => Promise<void>): Promise<void> {
    for (const node of nodes) await node.close()
    await plane[Symbol.asyncDispose]()
    await meanwhile()
    plane = await startControlPlane({ dataDir })
    for (const node of nodes) await node.moveTo(plane)
    // Who came behind the backup has to enrol again.
    nodes = nodes.filter(({ id }) => plane.app.fleet.node(id) !== undefined)
  }

  async function take({ do: what, nth }: Step): Promise<void> {
    const node = nodes[nth % nodes.length]
    if (!node) return
    switch (what) {
      case 'join':
        return nodes.length < 4 ? join_() : undefined
      case 'backup':
        await rm(copy, { force: true })
        backUp(database, copy)
        for (const each of nodes) each.settle()
        return
      case 'restore':
        return restart(() => restore(copy, database))
      case 'restart':
        return restart(async () => {})
      case 'move':
        return relabel(plane, node.id, { endpoint: `203.0.113.1:${1 + ++count}` })
      case 'label':
        return relabel(plane, node.id, { labels: { step: String(++count) } })
      case 'lengthen':
        return relabel(plane, node.id, { labels: { step: String(++count).repeat(40_000) } })
      case 'open':
      case 'open fresh':
        return node.open({ fresh: what === 'open fresh' })
      default:
        return node[what]()
    }
  }

  for (let first = 0; first < 3; first++) await join_()
  return {
    take,
    async compare() {
      for (const node of nodes) {
        await node.read()
        await node.heartbeat()
        // Without a stream only a pull tells; with one, nothing else may be needed.
        if (!node.isOpen()) await node.pull()
        if (!node.state()) await node.pull()
      }
      for (const node of nodes) {
        await node.read()
        const seen = node.state()
        assert.deepEqual(seen && comparable(seen), comparable(await node.desired()))
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function backUp(from: string, to: string): void {
  using open = new DatabaseSync(from)
  open.exec(`vacuum into '${to}'`)
}

async function restore(copy: string, to: string): Promise<void> {
  for (const end of ['-wal', '-shm']) await rm(to + end, { force: true })
  await copyFile(copy, to)
}

async function relabel(
  { app }: TestControlPlane,
  id: string,
  part: { endpoint: string } | { labels: Record<string, string> },
): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(id)
    if (!node) return
    const columns = 'labels' in part ? { labels: JSON.stringify(part.labels) } : part
    await unit.tx.updateTable('nodes').set(columns).where('id', '=', id).execute()
    await changeNode(unit, { ...node, ...part })
  })
}
