import { until } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import { type Fleet, startFleet } from '../fleet/fleet.ts'
import { addressOf } from '../fleet/http/connection.ts'
import { createRequests, type Requests } from '../fleet/http/requests.ts'
import { createTokens, putRules } from '../fleet/join.ts'
import type { Plane } from '../fleet/plane.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { addFaults, requireAnswers } from './figures.ts'

/** C7: from nothing to a full mesh; then races; then registrations as fast as possible. */
export const registration: Bench = {
  name: 'registration',
  targets: ['C7'],
  summary:
    'from nothing to everyone sees everyone; registrations per second; 64 at once for one token',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const plane = await context.plane()
    await fromNothing(context, plane, size)
    await race(context, plane)
    await rate(context, context.quick ? 16 : 2_000)
  },
}

async function fromNothing(context: BenchContext, plane: Plane, size: number): Promise<void> {
  await using fleet = await startFleet(plane, { agents: size, workers: 1 })
  const tokens = await createTokens(plane.admin, size)
  const { enrolled, seen } = await context.profiled(plane.own, () => enrolMesh(fleet, tokens))
  context.add({ what: `${size} registered, connected, pulled`, unit: 's', value: enrolled })
  context.add({
    id: 'C7',
    what: `${size} nodes, from nothing until everyone sees ${size - 1}`,
    unit: 's',
    value: seen,
    target: { atMost: size <= 1_000 ? 15 : 45 },
  })
  await addFaults(context, fleet)
}

/** All at once; the seconds until all are connected and have a state, and until each sees all others. */
export async function enrolMesh(
  fleet: Fleet,
  tokens: readonly string[],
): Promise<{ enrolled: number; seen: number }> {
  const startMs = performance.now()
  await fleet.enrol(tokens)
  const enrolledMs = performance.now()
  await until(
    `all agents see ${fleet.size - 1} peers`,
    async () => (await fleet.progress()).fewestPeers === fleet.size - 1,
    120_000 + fleet.size * 100,
  )
  return {
    enrolled: (enrolledMs - startMs) / 1_000,
    seen: (performance.now() - startMs) / 1_000,
  }
}

/** Without rules no node sees another, so the answers list no peers. */
async function rate(context: BenchContext, count: number): Promise<void> {
  const { perSecond, p99 } = await registerAll(context, await context.plane(), count)
  context.add({
    id: 'C7',
    what: 'durable registrations, 64 at a time',
    unit: '/s',
    value: perSecond,
    rounds: count,
    target: { atLeast: 200 },
  })
  context.add({ what: 'a registration, p99', unit: 'ms', value: p99 })
}

/** Registers that many nodes, 64 at a time; `p99` in milliseconds. */
export async function registerAll(
  context: BenchContext,
  plane: Plane,
  count: number,
): Promise<{ perSecond: number; p99: number }> {
  await putRules(plane.admin, [])
  await using fleet = await startFleet(plane, { agents: count, workers: 1 })
  const tokens = await createTokens(plane.admin, count)
  const startMs = performance.now()
  const given = await fleet.register(tokens)
  const ms = performance.now() - startMs
  const answers = answersOf((await fleet.take()).tally, 'register')
  requireAnswers(context, 'registrations', answers, 201)
  const addresses = new Set(given.map(({ mesh_ip }) => mesh_ip))
  if (addresses.size !== count) context.fault(`${count} nodes have ${addresses.size} addresses`)
  return { perSecond: (count * 1_000) / ms, p99: answers.p99 }
}

const racers = 64

async function race(context: BenchContext, plane: Plane): Promise<void> {
  using requests = createRequests(addressOf(plane.url, plane.ca), racers)
  const rounds = context.quick ? 1 : 20
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
