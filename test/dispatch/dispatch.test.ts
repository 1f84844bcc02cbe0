import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, type Execution, hasEnded } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { pages } from '../support/pages.ts'
import { createRandom, type Random } from '../support/random.ts'
import { type System, startSystem } from '../support/system.ts'
import { startAgentWithHook, writeHook } from './with-hook.ts'

const agentCount = 20
/** So many operators ask each agent at a time. */
const lanesPerAgent = 2
const wanted = Number(process.env.PLEXD_DISPATCH_EXECUTIONS ?? 400)
const kills = Number(process.env.PLEXD_DISPATCH_KILLS ?? 12)
const seed = Number(process.env.PLEXD_KILL_SEED ?? Date.now() % 1_000_000)

describe('executions while control plane and agents are killed at any moment', () => {
  it(`run at most once, and each ends in one result: ${wanted} of them, ${kills} kills`, {
    timeout: 3_600_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_KILL_SEED=${seed}`)
    const random = createRandom(seed)
    await using system = await startSystem()
    const file = join(system.folder, 'begun')
    // Takes a moment, in which it may be interrupted.
    const args = await writeHook(
      system,
      'count',
      `echo "$PLEXD_EXECUTION_ID" >> "${file}"; sleep 1.5`,
    )
    const agents = await startAgents(system, args)

    const asked = new Set<string>()
    const killing = killSome({ system, agents }, random.fork())
    const lanes = agents.flatMap((agent) => Array<AgentProcess>(lanesPerAgent).fill(agent))
    await Promise.all(
      lanes.map(({ hostname }) => askFor(system, hostname, wanted / lanes.length, asked)),
    )
    await killing
    await until('all have ended', () => haveEnded(system, agents), 300_000, 500)

    const all = await allOf(system, agents)
    assert.deepEqual(
      [...asked.difference(new Set(all.map(({ id }) => id)))],
      [],
      'what was answered is there',
    )
    assert.ok(all.length >= wanted)
    assert.deepEqual(all.flatMap(faultsOf), [])
    const begun = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
    assert.equal(new Set(begun).size, begun.length, 'none runs twice')
    const finished = all.filter(({ status }) => status === 'success').map(({ id }) => id)
    assert.deepEqual([...new Set(finished).difference(new Set(begun))], [], 'each was run')
    const waited = all.filter(({ created_at, sent_at }) => sent_at !== created_at)
    assert.ok(waited.length > 0, 'some had to wait')
    t.diagnostic(
      `${all.length} executions, ${waited.length} waited: ${JSON.stringify(countsOf(all))}`,
    )
  })
})

interface Fleet {
  system: System
  agents: readonly AgentProcess[]
}

/** A few at a time: a start takes a core for a while. */
async function startAgents(system: System, args: readonly string[]): Promise<AgentProcess[]> {
  const names = Array.from({ length: agentCount }, (_, index) => `node-${index}`)
  const agents: AgentProcess[] = []
  const start = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift())
      agents.push(await startAgentWithHook(system, name, args))
  }
  await Promise.all([start(), start(), start()])
  return agents
}

/** Asks for executions one after another, and again when no answer comes: nobody knows whether such a one was taken. */
async function askFor(
  { admin }: System,
  node: string,
  count: number,
  asked: Set<string>,
): Promise<void> {
  for (let number = 0; number < count; ) {
    try {
      const { body } = await admin.runAction({ params: { node }, body: { action: 'count' } })
      asked.add(body.id)
      number++
    } catch (error) {
      if (error instanceof ApiError && error.status !== 503) throw error
      await delay(100)
    }
  }
}

/** Control plane and agents independently of one another; between two of its kills the control plane gets something done. */
async function killSome({ system, agents }: Fleet, random: Random): Promise<void> {
  const half = agentCount / 2
  await Promise.all([
    killIn([system.controlPlane], { times: kills / 6, pauseMs: 6_000 }, random.fork()),
    killIn(agents.slice(0, half), { times: (kills * 5) / 12, pauseMs: 1_500 }, random.fork()),
    killIn(agents.slice(half), { times: (kills * 5) / 12, pauseMs: 1_500 }, random.fork()),
  ])
}

async function killIn(
  victims: readonly Pick<AgentProcess, 'start' | 'end'>[],
  { times, pauseMs }: { times: number; pauseMs: number },
  random: Random,
): Promise<void> {
  for (let kill = 0; kill < times; kill++) {
    await delay(random.below(pauseMs))
    const victim = victims[random.below(victims.length)]
    await victim?.end('SIGKILL')
    await delay(random.below(300))
    await victim?.start()
  }
}

async function allOf({ admin }: System, agents: readonly AgentProcess[]): Promise<Execution[]> {
  const lists = agents.map(({ hostname }) =>
    pages(({ query }) => admin.listExecutions({ params: { node: hostname }, query })),
  )
  return (await Promise.all(lists)).flat()
}

async function haveEnded({ admin }: System, agents: readonly AgentProcess[]): Promise<boolean> {
  for (const { hostname } of agents)
    for (const status of ['queued', 'pending', 'accepted'] as const) {
      const query = { status, limit: '1' }
      const { body } = await admin.listExecutions({ params: { node: hostname }, query })
      if (body.items.length > 0) return false
    }
  return true
}

/** A run that a kill has interrupted is a failure, which is a result as well. */
function faultsOf({ id, status, reason, late, acked_at, exit_code }: Execution): string[] {
  const hasResult = status === 'success' || status === 'failure'
  if (hasEnded(status) && hasResult && !late && acked_at !== null && exit_code !== null) return []
  return [`${id} is ${status}${late ? ', late' : ''}: ${reason}`]
}

function countsOf(all: readonly Execution[]): Record<string, number> {
  const groups = Map.groupBy(all, ({ status }) => status)
  return Object.fromEntries([...groups].map(([status, { length }]) => [status, length]))
}
