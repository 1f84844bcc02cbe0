/**
 * Sends what nobody should read, one kind at a time, from a process of its own: it must not take the time of who measures
 * how long others wait. Each message is a HostileOrder, and is answered with a HostileResult.
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
/** Those that wait do nothing meanwhile; more of them would measure their handshakes. */
const slowConnections = 64
/** There is room for so many bodies at a time, and for so many of one caller: the others are told to come again. */
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

/** Empty when it is refused as it should be; else what came instead. */
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
