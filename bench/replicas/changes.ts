import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, type Node } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { pages } from '../../test/support/pages.ts'
import type { Random } from '../../test/support/random.ts'
import { createRegisters, type Registers, write } from '../../test/support/registers.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { groupSize } from '../fleet/join.ts'

/** Operators who change something again and again, and nodes that move. */
export interface Changes {
  /** Changes that were acknowledged. */
  acknowledged(): number
  /** Those that got no answer, or 503. */
  unanswered(): number
  /** Ends them, and resolves to what was acknowledged and is not there, or was answered as it never should be. */
  end(): Promise<string[]>
}

type Register = Registers<string | undefined>

interface Change {
  register: Register
  place: string
  value: string | undefined
  send(): Promise<unknown>
}

/** More than these are never under way: while nobody answers, no further ones begin. */
const maxOpen = 60

/** Begins once all nodes are online. */
export async function startChanges(
  fleet: Fleet,
  { perSecond, random }: { perSecond: number; random: Random },
): Promise<Changes> {
  const registers: AllRegisters = {
    data: createRegisters(),
    labels: createRegisters(),
    moves: createRegisters(),
  }
  // Registering all of them may take longer than a node may be silent.
  const online = await until('all nodes are online', () => onlineNodes(fleet), 60_000, 500)
  for (const [place, endpoint] of endpointsOf(online)) registers.moves.acknowledge(place, endpoint)
  const over = new AbortController()
  const busy = new Set<string>()
  const running = new Set<Promise<void>>()
  const faults: string[] = []
  let acknowledged = 0
  let unanswered = 0

  async function make({ register, place, value, send }: Change): Promise<void> {
    busy.add(place)
    try {
      await write(register, place, value, send)
      acknowledged++
    } catch (error) {
      unanswered++
      // That no answer comes is what this is about, and 503 says that none will.
      if (error instanceof ApiError && error.status !== 503)
        faults.push(`change of "${place}": ${describeError(error)}`)
    } finally {
      busy.delete(place)
    }
  }

  const going = (async () => {
    while (!over.signal.aborted) {
      const change = drawChange(fleet, random, registers)
      // Each place is written to by one at a time.
      if (running.size < maxOpen && !busy.has(change.place)) {
        const made = make(change).finally(() => running.delete(made))
        running.add(made)
      }
      await delay(1_000 / perSecond)
    }
  })()

  return {
    acknowledged: () => acknowledged,
    unanswered: () => unanswered,
    async end() {
      over.abort()
      await going
      await Promise.all(running)
      const read = () => missing(fleet, registers).catch(() => undefined)
      return [...faults, ...(await until('all of it can be read', read, 60_000, 500))]
    },
  }
}

/** Undefined while not all of them are. */
async function onlineNodes({ plane: { admin } }: Fleet): Promise<Node[] | undefined> {
  const nodes = await pages(admin.listNodes)
  return nodes.every(({ status }) => status === 'online') ? nodes : undefined
}

interface AllRegisters {
  data: Register
  labels: Register
  moves: Register
}

/** One change: of data of a node or a group, of a label, of an endpoint. */
function drawChange(fleet: Fleet, random: Random, registers: AllRegisters): Change {
  const { admin } = fleet.plane
  const agent = random.below(fleet.size)
  const node = fleet.identities[agent]?.node_id ?? ''
  const value = `v${random.below(2 ** 31)}`
  const kind = random.below(100)
  if (kind < 60) {
    const selector = `group=g${Math.floor(agent / groupSize)}`
    const target = kind < 10 ? { selector } : { node_id: node }
    const key = `k${random.below(4)}`
    const place = `data/${target.selector ?? target.node_id}/${key}`
    const isDelete = random.below(5) === 0
    const put = { target, content_type: 'text/plain', payload: value }
    return {
      register: registers.data,
      place,
      value: isDelete ? undefined : value,
      send: () =>
        isDelete
          ? admin.deleteData({ params: { key }, query: target })
          : admin.putData({ params: { key }, body: put }),
    }
  }
  if (kind < 80)
    return {
      register: registers.labels,
      place: `label/${node}`,
      value,
      send: () => admin.setNodeMetadata({ params: { node }, body: { set: { note: value } } }),
    }
  const endpoint = `198.51.100.${1 + random.below(250)}:${1_024 + random.below(60_000)}`
  return {
    register: registers.moves,
    place: `endpoint/${node}`,
    value: endpoint,
    send: () => fleet.move(agent, endpoint),
  }
}

async function missing(fleet: Fleet, registers: AllRegisters): Promise<string[]> {
  const { admin } = fleet.plane
  const data = new Map(
    (await pages(admin.listData)).map(({ key, target, payload }) => [
      `data/${target.selector ?? target.node_id}/${key}`,
      String(payload),
    ]),
  )
  const nodes = await pages(admin.listNodes)
  const labels = new Map(nodes.map(({ id, labels }) => [`label/${id}`, labels.note]))
  return [
    ...wrong(registers.data, data),
    ...wrong(registers.labels, labels),
    ...wrong(registers.moves, endpointsOf(nodes)),
    ...nodes
      .filter(({ status }) => status !== 'online')
      .map(({ hostname, status }) => `${hostname} is ${status}`),
  ]
}

function endpointsOf(nodes: readonly Pick<Node, 'id' | 'endpoint'>[]): Map<string, string> {
  return new Map(nodes.map(({ id, endpoint }) => [`endpoint/${id}`, endpoint]))
}

/** What is neither what was acknowledged last nor a later change that got no answer. */
function wrong(register: Register, found: ReadonlyMap<string, string | undefined>): string[] {
  return register.places().flatMap((place) => {
    const value = found.get(place)
    if (register.allows(place, value)) return []
    return [`${place} is "${value}", want one of ${JSON.stringify(register.expected(place))}`]
  })
}
