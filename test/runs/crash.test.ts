import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, controlApi, hasRunEnded, type Run } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { pages } from '../support/pages.ts'
import { createRandom, type Random } from '../support/random.ts'
import { type System, startSystem, type TestNode } from '../support/system.ts'

const nodeCount = 24
const maxParallel = 5
const kills = Number(process.env.PLEXD_RUN_KILLS ?? 8)
const turns = Number(process.env.PLEXD_SCHEDULE_KILLS ?? 4)
const seed = Number(process.env.PLEXD_KILL_SEED ?? Date.now() % 1_000_000)

describe('a run, while the control plane is killed at any moment', () => {
  it(`asks each node once, and no more at a time than may run it: ${kills} kills`, {
    timeout: 3_600_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_KILL_SEED=${seed}`)
    const random = createRandom(seed)
    await using system = await startSystem()
    const nodes = await enrolNodes(system)
    const stop = new AbortController()
    const asked = new Map(nodes.map(({ node_id }) => [node_id, new Set<string>()]))
    const working = nodes.map((node) => work(system, node, { asked, random, signal: stop.signal }))

    const runs: string[] = []
    for (let left = kills; left > 0; ) {
      const run = await createRun(system, runs)
      runs.push(run.id)
      const killing = killSome(system, random, Math.min(left, 4))
      left -= 4
      await until('the run has ended', () => isOver(system, run), 120_000, 50)
      await killing
    }
    stop.abort()
    await Promise.all(working)

    for (const id of runs) await verify(system, id)
    for (const [node, executions] of asked)
      assert.equal(executions.size, runs.length, `${node} was asked once by each run`)
    t.diagnostic(`${runs.length} runs of ${nodeCount} nodes`)
  })
})

describe('a schedule, while the control plane is killed at any moment', () => {
  it(`starts one run for each of its times: ${turns} kills`, { timeout: 3_600_000 }, async (t) => {
    t.diagnostic(`PLEXD_KILL_SEED=${seed}`)
    const random = createRandom(seed)
    await using system = await startSystem()
    const [node] = await enrolNodes(system, 1)
    const stop = new AbortController()
    const asked = new Map([[node?.node_id ?? '', new Set<string>()]])
    const working = node && work(system, node, { asked, random, signal: stop.signal })
    const body = { name: 'often', cron: '0 0 1 1 *', selector: '*', action: 'system.info' }
    await system.admin.createSchedule({ body: { ...body, start_within: '24h' } })

    const times: number[] = []
    for (let turn = 0; turn < turns; turn++) {
      await system.controlPlane.end('SIGKILL')
      // Another time that has come already, and not a minute that the test would have to wait for.
      times.push(Math.floor(Date.now() / 60_000) * 60_000 - (turns - turn) * 60_000)
      setDue(system, times.at(-1) ?? 0)
      await system.controlPlane.start()
      await delay(random.below(1_500))
      if (random.below(2) === 0) await restart(system)
      await until('the time has had its turn', () => hasHadTurn(system, times.length), 60_000, 50)
      await until('its run has ended', () => haveAllEnded(system), 60_000, 50)
    }
    stop.abort()
    await working

    const schedule = await system.admin.getSchedule({ params: { schedule: 'often' } })
    const started = schedule.body.last.filter(({ outcome }) => outcome === 'started')
    const runs = await pages((page) => system.admin.listRuns(page))
    assert.equal(runs.length, times.length)
    assert.deepEqual(
      new Set(started.map(({ run_id }) => run_id)).size,
      Math.min(10, times.length),
      'each of the shown turns has a run of its own',
    )
    assert.equal(asked.get(node?.node_id ?? '')?.size, times.length)
  })
})

async function enrolNodes(system: System, count = nodeCount): Promise<TestNode[]> {
  const nodes: TestNode[] = []
  for (let at = 0; at < count; at++) {
    const node = await system.enrol(`node-${at}`)
    const capabilities = { builtin_actions: [{ name: 'system.info' }] }
    await node.call(controlApi.putCapabilities, { body: capabilities })
    nodes.push(node)
  }
  return nodes
}

/** A node that ends what it is asked for, one in ten badly. It goes on while nobody answers. */
async function work(
  { admin }: System,
  node: TestNode,
  {
    asked,
    random,
    signal,
  }: { asked: Map<string, Set<string>>; random: Random; signal: AbortSignal },
): Promise<void> {
  const results = new Map<string, object>()
  while (!signal.aborted) {
    try {
      const params = { node: node.node_id }
      const { items } = (await admin.listExecutions({ params, query: { limit: '20' } })).body
      for (const { id: execution_id, finished_at } of items) {
        asked.get(node.node_id)?.add(execution_id)
        if (finished_at !== null) continue
        const status = random.below(10) === 0 ? 'failure' : 'success'
        // The same again after a crash, as agents do.
        const body = results.getOrInsertComputed(execution_id, () => ({ status, exit_code: 0 }))
        await node.call(controlApi.finishExecution, { params: { execution_id }, body })
      }
    } catch (error) {
      if (error instanceof ApiError && error.status !== 503) throw error
    }
    await delay(20 + random.below(60))
  }
}

/** Nobody knows whether one was made that was not answered: it is then in the list. */
async function createRun({ admin }: System, known: readonly string[]): Promise<Run> {
  const body = { selector: '*', action: 'system.info', max_parallel: maxParallel, max_failures: 99 }
  for (;;) {
    try {
      const [newest] = (await admin.listRuns({ query: { limit: '1' } })).body.items
      return newest && !known.includes(newest.id) ? newest : (await admin.createRun({ body })).body
    } catch (error) {
      if (error instanceof ApiError && error.status !== 503) throw error
      await delay(50)
    }
  }
}

async function killSome(system: System, random: Random, count: number): Promise<void> {
  for (let kill = 0; kill < count; kill++) {
    await delay(random.below(250))
    await restart(system)
  }
}

async function restart({ controlPlane }: System): Promise<void> {
  await controlPlane.end('SIGKILL')
  await controlPlane.start()
}

async function isOver({ admin }: System, { id }: Run): Promise<boolean> {
  const shown = await admin.getRun({ params: { run_id: id } }).catch(() => undefined)
  if (!shown) return false
  const { counts } = shown.body
  assert.ok(counts.running <= maxParallel, `${counts.running} run it at a time`)
  return hasRunEnded(shown.body)
}

async function verify({ admin }: System, id: string): Promise<void> {
  const { state, counts } = (await admin.getRun({ params: { run_id: id } })).body
  const nodes = await pages((page) => admin.listRunNodes({ params: { run_id: id }, ...page }))
  const count = (word: string) => nodes.filter(({ status }) => status === word).length
  assert.equal(nodes.length, nodeCount)
  assert.deepEqual([counts.succeeded, counts.failed], [count('succeeded'), count('failed')])
  assert.equal(counts.succeeded + counts.failed, nodeCount)
  assert.equal(state, counts.failed === 0 ? 'succeeded' : 'failed')
}

/** In the database of a control plane that does not run. */
function setDue({ controlPlane }: System, ms: number): void {
  using database = new DatabaseSync(join(controlPlane.dataDir, 'control-plane.db'))
  database.prepare('update schedules set next_due_at = ?').run(ms)
}

async function hasHadTurn({ admin }: System, count: number): Promise<boolean> {
  const runs = await pages((page) => admin.listRuns(page)).catch(() => [])
  assert.ok(runs.length <= count, `${runs.length} runs for ${count} times`)
  return runs.length === count
}

async function haveAllEnded({ admin }: System): Promise<boolean> {
  const runs = await pages((page) => admin.listRuns(page)).catch(() => undefined)
  return runs?.every(hasRunEnded) ?? false
}
