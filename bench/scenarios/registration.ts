import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, BenchContext } from '../bench.ts'
import { startFleet } from '../fleet/fleet.ts'
import { addressOf } from '../fleet/http/connection.ts'
import { createRequests, type Requests } from '../fleet/http/requests.ts'
import { createTokens, putRules } from '../fleet/join.ts'
import type { Plane } from '../fleet/plane.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { addFaults } from './figures.ts'

/** C7: from nothing to a mesh in which everyone sees everyone; then registrations as fast as they go; then races. */
export const registration: Bench = {
  name: 'registration',
  targets: ['C7'],
  summary:
    'from nothing to everyone sees everyone; registrations per second; 64 at once for one token',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const plane = await context.plane()
    await fromNothing(context, plane, size)
    await race(context, plane)
    await rate(context, context.quick ? 60 : 2_000)
  },
}

async function fromNothing(context: BenchContext, plane: Plane, size: number): Promise<void> {
  await using fleet = await startFleet(plane, {
    agents: size,
    workers: 1,
    topology: 'full',
    enrol: false,
  })
  const tokens = await createTokens(plane.admin, size)
  const startMs = monotonicMs()
  const doneMs = await context.profiled(plane, async () => {
    await fleet.enrol(tokens)
    const enrolledMs = monotonicMs()
    context.add({
      what: `${size} registered, connected, pulled`,
      unit: 's',
      value: (enrolledMs - startMs) / 1_000,
    })
    for (;;) {
      const { fewestPeers } = await fleet.progress()
      if (fewestPeers === size - 1) return monotonicMs()
      if (monotonicMs() - enrolledMs > 120_000)
        throw new Error(`wait for the mesh: somebody sees ${fewestPeers} of ${size - 1} peers`)
      await delay(20)
    }
  })
  context.add({
    id: 'C7',
    what: `${size} nodes, from nothing until everyone sees ${size - 1}`,
    unit: 's',
    value: (doneMs - startMs) / 1_000,
    target: { atMost: 15 },
  })
  await addFaults(context, fleet)
}

/** Nobody sees anybody, as with a policy that is still to be written. */
async function rate(context: BenchContext, count: number): Promise<void> {
  const plane = await context.plane()
  await putRules(plane.admin, [])
  await using fleet = await startFleet(plane, {
    agents: count,
    workers: 1,
    topology: 'apart',
    enrol: false,
  })
  const tokens = await createTokens(plane.admin, count)
  const startMs = monotonicMs()
  const given = await fleet.register(tokens)
  const ms = monotonicMs() - startMs
  const { p99, others, of } = answersOf((await fleet.take()).tally, 'register')
  if (of(201) !== count) context.fault(`registrations: ${others(201)}`)
  context.add({
    id: 'C7',
    what: 'durable registrations, 64 at a time',
    unit: '/s',
    value: (count * 1_000) / ms,
    rounds: count,
    target: { atLeast: 200 },
  })
  context.add({ what: 'a registration, p99', unit: 'ms', value: p99 })
  const addresses = new Set(given.map(({ mesh_ip }) => mesh_ip))
  if (addresses.size !== count) context.fault(`${count} nodes have ${addresses.size} addresses`)
}

const racers = 64

async function race(context: BenchContext, plane: Plane): Promise<void> {
  using requests = createRequests(addressOf(plane.url, plane.ca), racers)
  const rounds = context.quick ? 2 : 20
  let wrong = 0
  for (let round = 0; round < rounds; round++) {
    const [token = ''] = await createTokens(plane.admin, 1)
    const sameToken = await raceOf(requests, (racer) => ({
      token,
      hostname: `race-${round}-${racer}`,
    }))
    if (!isOneOf(sameToken, 401)) wrong++
    const tokens = await createTokens(plane.admin, racers)
    const sameName = await raceOf(requests, (racer) => ({
      token: tokens[racer] ?? '',
      hostname: `name-${round}`,
    }))
    if (!isOneOf(sameName, 409)) wrong++
  }
  if (wrong > 0) context.fault(`${wrong} races had another end than one winner`)
  context.add({
    id: 'C7',
    what: `races of ${racers} for one token or name with two winners`,
    unit: '',
    value: wrong,
    rounds: rounds * 2,
    target: { atMost: 0 },
  })
}

function isOneOf(statuses: readonly number[], refusal: number): boolean {
  return (
    statuses.filter((status) => status === 201).length === 1 &&
    statuses.every((status) => status === 201 || status === refusal)
  )
}

function raceOf(
  requests: Requests,
  of: (racer: number) => { token: string; hostname: string },
): Promise<number[]> {
  return Promise.all(
    Array.from({ length: racers }, async (_, racer) => {
      const public_key = crypto.getRandomValues(new Uint8Array(32)).toBase64()
      const body = JSON.stringify({ ...of(racer), public_key, capabilities: {} })
      return (await requests.send({ method: 'POST', path: '/v1/register', body })).status
    }),
  )
}
