import { formatNode } from '@plexd/protocol'
import { type Exec, ExecError } from '@plexd/runtime'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { RoutingPrint } from './routing-print.ts'
import { meshMark } from './tables/mesh-table.ts'

export interface CheckedPeer {
  id: string
  hostname?: string
  mesh_ip: string
  /** `address:port`, or empty. */
  endpoint: string
}

interface Asked {
  peers: readonly CheckedPeer[]
  interfaceName: string
  controlAddresses: readonly string[]
}

/** What is wrong with the routes of packets. */
export interface Astray {
  /** A message for each peer, by its id, whose packets do not get into the mesh. */
  peers: ReadonlyMap<string, string>
  /** A message for each other destination whose packets wrongly get into the mesh. */
  others: readonly string[]
}

export type CheckRoutes = (asked: Asked) => Promise<Astray>

/**
 * Asks the kernel where it would send packets now, with one process for all: some milliseconds for a thousand. What was asked before is
 * not asked again as long as the print is the same.
 */
export function createRouteCheck(exec: Exec, print: RoutingPrint): CheckRoutes {
  let last: { print: string | undefined; input: string; answers: RouteAnswers } | undefined

  async function ask(input: string): Promise<RouteAnswers> {
    const now = print()
    if (now !== undefined && last?.print === now && last.input === input) return last.answers
    const text = await exec(['ip', '-force', '-json', '-batch', '-'], { input }).catch(
      printedByThen,
    )
    const answers = parseRouteAnswers(text)
    last = { print: now, input, answers }
    return answers
  }

  return async (asked) => {
    const input = routeQuery(asked)
    if (input === '') return { peers: new Map(), others: [] }
    return judgeRoutes(asked, await ask(input))
  }
}

/** An address without a route is an error to ip, which continues with the others (-force). */
function printedByThen(error: unknown): string {
  if (error instanceof ExecError && error.exitCode !== undefined) return error.stdout
  throw error
}

/** For `ip -force -json -batch -`. Pure. */
export function routeQuery({ peers, controlAddresses }: Asked): string {
  const plain = [...peers.map(({ mesh_ip }) => mesh_ip), ...controlAddresses]
  const marked = peers.map(endpointAddress).filter((address) => address !== '')
  return [
    ...new Set(plain.map((address) => `route get ${address}\n`)),
    ...new Set(marked.map((address) => `route get ${address} mark ${meshMark}\n`)),
  ].join('')
}

/** Interfaces by destination, `marked` for packets that WireGuard sends; no entry without a route. */
export type RouteAnswers = Record<'plain' | 'marked', ReadonlyMap<string, string>>

export function parseRouteAnswers(text: string): RouteAnswers {
  const plain = new Map<string, string>()
  const marked = new Map<string, string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const answer: unknown = JSON.parse(line)
    if (!Check(Answers, answer)) continue
    for (const { dst, dev, mark } of answer)
      if (dev !== undefined) (mark === undefined ? plain : marked).set(dst, dev)
  }
  return { plain, marked }
}

const Answers = Type.Array(
  Type.Object({
    dst: Type.String(),
    dev: Type.Optional(Type.String()),
    mark: Type.Optional(Type.Unknown()),
  }),
)

/** Pure. */
export function judgeRoutes(
  { peers, interfaceName, controlAddresses }: Asked,
  { plain, marked }: RouteAnswers,
): Astray {
  const toMesh = peers.flatMap(({ id, hostname, mesh_ip }): [string, string][] => {
    const dev = plain.get(mesh_ip)
    if (dev === interfaceName) return []
    const way = dev === undefined ? 'have no route' : `leave by ${dev}`
    const text = `packets for peer ${formatNode(id, hostname)}, ${mesh_ip}, ${way} instead of ${interfaceName}: look at "ip rule" and "ip route get ${mesh_ip}"`
    return [[id, text]]
  })
  const fromWireguard = peers.flatMap((peer) => {
    const address = endpointAddress(peer)
    if (marked.get(address) !== interfaceName) return []
    return `what WireGuard sends to peer ${formatNode(peer.id, peer.hostname)} at ${address} goes into ${interfaceName} itself: look at "ip rule"`
  })
  const toControlPlane = controlAddresses.flatMap((address) =>
    plain.get(address) === interfaceName
      ? `packets for the control plane, ${address}, go into ${interfaceName}: look at "ip rule"`
      : [],
  )
  return { peers: new Map(toMesh), others: [...toControlPlane, ...fromWireguard] }
}

/** Without port and brackets. */
export function endpointAddress({ endpoint }: CheckedPeer): string {
  return endpoint.slice(0, Math.max(0, endpoint.lastIndexOf(':'))).replace(/^\[|\]$/g, '')
}
