import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import type { ControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { createRandom, type Random } from '../support/random.ts'
import {
  checkAgent,
  checkControlPlane,
  checkFinished,
  checkLedger,
  checkMirror,
  checkRotated,
} from './checks.ts'
import { load, runActions } from './load.ts'
import { createWorld, type World } from './world.ts'

const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 15)
const seed = Number(process.env.PLEXD_KILL_SEED ?? Date.now() % 1_000_000)

describe('a control plane and agents that are killed at any moment', () => {
  it(`lose nothing acknowledged and no event, ${rounds} times`, {
    timeout: 6 * 3_600_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_KILL_SEED=${seed}`)
    const random = createRandom(seed)
    await using world = await createWorld({ scripted: 4, real: 2 })
    for (let round = 0; round < rounds; round++) await killOne(world, random)

    for (const node of world.scripted)
      await until('its actions are done', () => runActions(world, node).then(() => true))
    await checkRotated(world)
    await checkControlPlane(world)
    for (const node of world.scripted) await checkLedger(world, node)
    for (const node of world.real) await checkMirror(world, node)
    await checkFinished(world)

    const deliveries = world.scripted.map(({ stream }) => stream.deliveries.length)
    const connects = world.scripted.map(({ stream }) => stream.connects())
    t.diagnostic(`events per node ${deliveries}, connections ${connects}`)
    assert.ok(Math.min(...deliveries) > rounds)
  })
})

/** One kill under load, which ends with it, also if it fails. */
async function killOne(world: World, random: Random): Promise<void> {
  const stop = new AbortController()
  const working = load(world, random.fork(), stop.signal)
  const isControlPlane = random.below(10) < 6
  const victim = isControlPlane ? world.system.controlPlane : random.pick(agentsOf(world))
  try {
    await kill(victim, random, stop)
  } finally {
    stop.abort()
    await working
  }
  if (isControlPlane) await checkControlPlane(world)
  else for (const node of world.real) await checkAgent(node)
}

/** At a moment of chance; the load stops before or after the victim is back. */
async function kill(
  victim: AgentProcess | ControlPlaneProcess,
  random: Random,
  stop: AbortController,
): Promise<void> {
  await delay(50 + random.below(500))
  await victim.end('SIGKILL')
  const goesOn = random.below(2) === 0
  if (!goesOn) stop.abort()
  await delay(random.below(100))
  await victim.start()
  if (goesOn) await delay(random.below(300))
}

function agentsOf({ real }: World): [AgentProcess, ...AgentProcess[]] {
  return real.map(({ agent }) => agent) as [AgentProcess, ...AgentProcess[]] // there are two
}
