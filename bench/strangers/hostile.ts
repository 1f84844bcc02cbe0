/**
 * Sends hostile bodies, one kind at a time, from a process of its own, so as not to delay the measuring one. Each message
 * is a HostileOrder, and is answered with a HostileResult.
 */
import { describeError } from '@plexd/runtime'
import {
  type Aim,
  aims,
  type HostileBody,
  hostileBodies,
  sendHostile,
  slow,
} from '../../test/hostile/hostile-bodies.ts'
import type { Place } from '../../test/hostile/raw-connection.ts'

export interface HostileOrder {
  place: Place
  /** Of the kind of body. */
  what: string
  seconds: number
  /** Head of a request for each operation, by API and name. */
  heads: Record<string, string>
}

export interface HostileResult {
  answered: number
  /** Answers that are not those of the row. */
  wrong: string[]
}

const connections = 8
/** Slow ones only wait. Not more, because then their handshakes would be measured. */
const slowConnections = 64
/** The answer beyond the limit of bodies at a time, of all callers or of one. */
const noRoom = 503

process.on('message', (order: HostileOrder) => {
  void attack(order).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit())

async function attack({ place, what, seconds, heads }: HostileOrder): Promise<HostileResult> {
  const requests = Object.entries(heads).map(([key, head]) => ({
    key,
    head,
    body: bodyOf(key, what),
  }))
  const over = AbortSignal.timeout(seconds * 1_000)
  const wrong = new Set<string>()
  let answered = 0

  async function run(from: number): Promise<void> {
    for (let at = from; ; at++) {
      const request = requests[at % requests.length]
      if (!request) return
      const found = await refusalOf(place, request, over)
      if (over.aborted) return
      answered++
      if (found !== '') wrong.add(`${request.key}: ${found}`)
    }
  }

  const width = what === slow.what ? slowConnections : connections
  await Promise.all(Array.from({ length: width }, (_, index) => run(index)))
  return { answered, wrong: [...wrong] }
}

/** Empty if it is refused as expected, otherwise what came instead. */
async function refusalOf(
  place: Place,
  { head, body }: { head: string; body: HostileBody },
  signal: AbortSignal,
): Promise<string> {
  try {
    const statuses = (await sendHostile(place, head, body, signal)).map(({ status }) => status)
    const isRefused = statuses.every((status) => status === body.status || status === noRoom)
    return isRefused && statuses.length === (body.times ?? 1) ? '' : `answers ${statuses}`
  } catch (error) {
    return describeError(error)
  }
}

function bodyOf(key: string, what: string): HostileBody {
  const aim = aims.find((one) => keyOf(one) === key)
  const body = aim && hostileBodies(aim.operation).find((one) => one.what === what)
  if (!body) throw new Error(`send to "${key}": there is no body "${what}"`)
  return body
}

function keyOf({ api, name }: Aim): string {
  return `${api} ${name}`
}
