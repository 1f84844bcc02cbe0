import { setTimeout as delay } from 'node:timers/promises'
import { describeError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type Condition, conditions } from './conditions.ts'
import { describeStep, drawSteps, type Step } from './draw.ts'
import { doctor, type Hold, type Place, printed, works } from './holds.ts'
import { leftovers, lookFor } from './leftovers.ts'
import { wrongIn } from './verdict.ts'
import { deniedPort, names, type Watched, type World } from './world.ts'

export interface SoakOptions {
  seed: number
  /** When no further condition is begun; there is one at least. */
  minutes: number
  /** Only conditions with this in their name. */
  only?: string
  /** Is told what happens, a line each. */
  say(line: string): void
}

/** Generous: a machine may be busy, and an agent waits longer each time that it is refused. */
const boundMs = 90_000
const longestMs = 3_000

/** Rejects when something fell over, with the seed, what was drawn, and what each node says. */
export async function soak(
  world: World,
  { seed, minutes, only = '', say }: SoakOptions,
): Promise<Step[]> {
  const drawn = conditionNames.filter((name) => name.includes(only))
  if (drawn.length === 0) throw new Error(`--only "${only}": no condition has that in its name`)
  const steps: Step[] = []
  try {
    await untilHolds(works, placeOf(world, names[0]))
    const endMs = performance.now() + minutes * 60_000
    for (const step of drawSteps(seed, { conditions: drawn, victims: names, longestMs })) {
      if (steps.length > 0 && performance.now() > endMs) break
      steps.push(step)
      const startedMs = performance.now()
      await take(world, step)
      say(`${describeStep(step)}: well after ${Math.round(performance.now() - startedMs)} ms`)
    }
    await takeDown(world)
    return steps
  } catch (error) {
    throw new Error(await tell(world, seed, steps, error), { cause: error })
  }
}

const conditionNames = conditions.map(({ name }) => name)

async function take(world: World, step: Step): Promise<void> {
  const condition = conditions.find(({ name }) => name === step.condition)
  if (!condition) throw new Error(`draw "${step.condition}": there is no such condition`)
  for (const { traffic, meshIp } of world.members)
    await traffic.startFlood(nextTo(world, meshIp).meshIp, deniedPort, 50)
  await endure(condition, placeOf(world, step.victim), step.holdMs)
  const passed = await Promise.all(
    world.members.map(async ({ name, traffic }) => ({ name, ...(await traffic.stopFlood()) })),
  )
  const clear = world.members.map(({ name, clear }) => ({ name, packets: clear.packets() }))
  const wrong = wrongIn({ passed, clear })
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** What began also ends, whatever fails between. */
async function endure(condition: Condition, place: Place, holdMs: number): Promise<void> {
  const undo = await condition.apply(place)
  try {
    if (condition.meanwhile) await untilHolds(condition.meanwhile, place)
    await delay(holdMs)
  } finally {
    await undo?.()
  }
  await untilHolds(condition.after ?? works, place)
}

function untilHolds({ what, holds }: Hold, place: Place): Promise<boolean> {
  return until(what, () => holds(place), boundMs)
}

function placeOf(world: World, name: string): Place {
  const victim = world.members.find((member) => member.name === name)
  if (!victim) throw new Error(`draw "${name}": there is no such node`)
  return { world, victim, others: world.members.filter((member) => member !== victim) }
}

function nextTo({ members }: World, meshIp: string): Watched {
  const other = members.find((member) => member.meshIp !== meshIp)
  if (!other) throw new Error('a mesh of one')
  return other
}

/** Of programs a little later: the last thing that a daemon does is to end. */
async function takeDown({ members }: World): Promise<void> {
  for (const member of members) {
    await member.traffic[Symbol.asyncDispose]()
    await member.clear[Symbol.asyncDispose]()
    await member.plexd('down')
  }
  for (const member of members) {
    let left: string[] = []
    await until('nothing is left', async () => {
      left = leftovers(await lookFor(member))
      return left.length === 0
    }).catch(() => {
      throw new Error(`after plexd down on ${member.name}: ${left.join('; ')}`)
    })
  }
}

async function tell(
  { members }: World,
  seed: number,
  steps: readonly Step[],
  error: unknown,
): Promise<string> {
  const nodes = members.map(
    async (member) =>
      `--- ${member.name}\n${await printed(member.plexd('status'))}\n${await doctor(member)}`,
  )
  const drawn = steps.map((step, index) => `${index + 1}. ${describeStep(step)}`)
  const head = `soak with seed ${seed}: ${describeError(error)}`
  return [head, 'drawn:', ...drawn, ...(await Promise.all(nodes))].join('\n')
}
