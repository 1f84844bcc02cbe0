import { generateKeyPairSync, sign } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchContext, Figure } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import { type Fleet, quickLife, usualLife } from '../fleet/fleet.ts'
import type { Usage } from '../fleet/plane.ts'
import { type Answers, answersOf } from '../fleet/worker/tally.ts'
import type { LiveOptions, WorkerPage } from '../fleet/worker/worker-api.ts'
import { type Quantiles, quantiles } from '../quantiles.ts'

/** Compares the ledgers with the log, and reports each difference as a fault. */
export async function addFaults(context: BenchContext, fleet: Fleet): Promise<void> {
  const { faults, events, verified, coalesced } = await checkLedgers(fleet)
  for (const fault of faults) context.fault(fault)
  const pulled = coalesced > 0 ? `, ${coalesced} more in states that were pulled instead` : ''
  context.note(`${events} events in ledgers${pulled}; ${verified} signatures verified`)
}

/** What a fleet cost over some time. */
export interface Living {
  /** Of the control plane, as a percentage of one core. */
  cpuShare: number
  usage: Usage
  page: WorkerPage
  answers: Answers
}

/** How often agents send what they send when nothing happens. */
export function lifeIn({ quick }: Pick<BenchContext, 'quick'>): LiveOptions {
  return quick ? quickLife : usualLife
}

/** The fleet sends heartbeats, pulls and reports for some time, beside `meanwhile`, and then only heartbeats. */
export async function liveFor(
  context: BenchContext,
  fleet: Fleet,
  seconds: number,
  meanwhile: () => Promise<unknown> = () => delay(seconds * 1_000),
): Promise<Living> {
  await fleet.live(lifeIn(context))
  await fleet.take()
  const before = await fleet.plane.usage()
  await context.profiled(fleet.plane.own, meanwhile)
  const usage = await fleet.plane.usage()
  const page = await fleet.take()
  await fleet.rest()
  const answers = answersOf(page.tally)
  requireAnswers(context, 'answers', answers, 200, 304)
  return { cpuShare: cpuShareOf(before, usage, seconds), usage, page, answers }
}

/** Answers with other statuses than these are a fault. */
export function requireAnswers(
  context: BenchContext,
  what: string,
  answers: Answers,
  ...wanted: readonly number[]
): void {
  const wrong = answers.others(...wanted)
  if (wrong !== '') context.fault(`${what}: ${wrong}`)
}

type Spread = Pick<Figure, 'value' | 'low' | 'high' | 'rounds'>

/** The median, and the range. */
export function medianOf({ median, min, max, count }: Quantiles): Required<Spread> {
  return { value: median, low: min, high: max, rounds: count }
}

/** The 99th percentile, and from the median to the maximum. */
export function p99Of({ p99, median, max, count }: Quantiles): Required<Spread> {
  return { value: p99, low: median, high: max, rounds: count }
}

export function addLoopDelay(context: BenchContext, { loopP99Ms }: Usage): void {
  context.add({ what: 'delay of the event loop, p99', unit: 'ms', value: loopP99Ms })
}

/** CPU time of the control plane between two readings, as a percentage of one core. */
export function cpuShareOf(before: Usage, after: Usage, seconds: number): number {
  return (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds
}

/**
 * Moves one agent after another, with a rest between them, until `isOver`. Resolves to the milliseconds in which the
 * others (of all agents, or of `among`) had been told of each move.
 */
export async function moveInTurn(
  fleet: Fleet,
  options: {
    /** Of the endpoints, which count up from `port`. */
    ip: string
    port: number
    among?: readonly number[]
    restMs?: number
    isOver(round: number): boolean
    /** Beside each move, after it. */
    then?(): Promise<void>
  },
): Promise<Quantiles[]> {
  const { ip, port, among = fleet.numbers, restMs = 0, isOver, then } = options
  const moves: Quantiles[] = []
  for (let round = 0; !isOver(round); round++) {
    const agent = among[round % among.length] ?? 0
    moves.push(await fleet.moveAndTell(agent, `${ip}:${port + round}`, among))
    await then?.()
    if (restMs > 0) await delay(restMs)
  }
  return moves
}

/** Until the last agent had been told, over these changes. */
export function lastOf(changes: readonly Quantiles[]): Quantiles {
  return quantiles(changes.map(({ max }) => max))
}

/** For `moveInTurn`. */
export function after(seconds: number): () => boolean {
  const endMs = performance.now() + seconds * 1_000
  return () => performance.now() >= endMs
}

/** The median of some times in milliseconds, beside those of a floor. */
export function addTimes(
  context: BenchContext,
  what: string,
  times: readonly number[],
  { floor, ...rest }: Pick<Figure, 'id' | 'target'> & { floor?: Floor | undefined } = {},
): void {
  const least = floor && { what: floor.what, value: quantiles(floor.times).median }
  context.add({ ...rest, what, unit: 'ms', ...medianOf(quantiles(times)), floor: least })
}

export interface Floor {
  what: string
  times: readonly number[]
}

/** Milliseconds that one core takes for so many signatures. */
export function signingFloor(count: number): number {
  const { privateKey } = generateKeyPairSync('ed25519')
  const text = Buffer.alloc(700, 'x')
  const rounds = 500
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) sign(null, text, privateKey)
  return ((performance.now() - startMs) / rounds) * count
}

/**
 * The gain of code that exists only for speed, measured with it and without it in this run. The target is the least for
 * which such code stays.
 */
export function addGain(
  context: BenchContext,
  what: string,
  times: { with: number; without: number },
): void {
  context.add({ what: `${what}, without`, unit: 'ms', value: times.without })
  context.add({
    what: `${what}, without against with`,
    unit: '×',
    value: times.without / times.with,
    target: { atLeast: 1.2 },
  })
}
