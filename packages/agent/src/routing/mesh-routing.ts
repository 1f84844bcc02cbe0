import { cidrContains, formatCidr, parseCidr, parseIpv4, rangeOf } from '@plexd/protocol'
import { describeError, type Exec, ExecError, exec as execProgram } from '@plexd/runtime'
import { type Routing, readRange, readRouting } from './local-routes.ts'
import { judgePlace, type PlaceVerdict, type PlannedPlace } from './mesh-range.ts'
import { allowMarkedReturn } from './reverse-path.ts'
import { type CheckedPeer, checkRoutes } from './route-check.ts'
import {
  type Exception,
  exceptionsIn,
  planRouting,
  planRoutingRemoval,
  withoutPeers,
} from './routing-plan.ts'

/** The routing of this machine around the mesh: what leads into it, and what must not. */
export interface MeshRouting {
  /**
   * Judges where the mesh is to be, and unless it is refused brings rule and table to what they must be. What was seen
   * before does, unless with `look`, after `forget`, and while it is refused or cannot be put right.
   */
  prepare(options?: { look?: boolean }): Promise<PreparedRouting>
  /** Where packets really go, asked of the kernel; a sentence for each way that is not as it must be. */
  check(peers: readonly CheckedPeer[]): Promise<string[]>
  /** The ranges that lead into the mesh (CIDR), as of the last look; undefined before, and while it is refused. */
  ranges(): readonly string[] | undefined
  /** What lies in those and is not of the mesh; undefined as well while not all of it is known. */
  exceptions(): readonly string[] | undefined
  /** By its id, why packets for a peer do not get into the mesh; as of the last check. */
  astray(): ReadonlyMap<string, string>
  /** The routes of the machine have changed. */
  forget(): void
}

export interface PreparedRouting {
  verdict: PlaceVerdict
  /** Whether the machine was looked at. */
  isFresh: boolean
  /** What was wrong and is right now, in the past tense. */
  repaired: readonly string[]
  /** Why not all of it could be put right. */
  failure?: string
}

export interface RoutingPlace {
  place(): PlannedPlace
  /** Undefined while nobody knows. */
  controlAddresses(): readonly string[] | undefined
  /** Who is in the mesh: what leads elsewhere leads no packet for them there. */
  peers(): readonly { mesh_ip: string }[]
}

export function createMeshRouting({
  place,
  controlAddresses,
  peers,
  exec = execProgram,
}: RoutingPlace & { exec?: Exec }): MeshRouting {
  let last: { verdict: PlaceVerdict; of: string } | undefined
  let changes = 0
  let ranges: readonly string[] | undefined
  let exceptions: readonly string[] | undefined
  /** What leads elsewhere, peers or not. */
  let elsewhere: readonly Exception[] = []
  let astray: ReadonlyMap<string, string> = new Map()

  async function prepare({ look = false } = {}): Promise<PreparedRouting> {
    const now = JSON.stringify([place(), controlAddresses()])
    const known = peers()
    const keyOf = (): string => `${now} ${addressesIn(elsewhere, known)}`
    if (!look && last?.of === keyOf())
      return { verdict: last.verdict, isFresh: false, repaired: [] }
    const before = changes
    const routing = await readRouting(exec)
    const verdict = judgePlace({ ...place(), controlAddresses: controlAddresses() ?? [] }, routing)
    const isRefused = verdict.refusal !== undefined
    ranges = isRefused ? undefined : verdict.ranges
    if (isRefused) exceptions = undefined
    const outcome = isRefused ? { repaired: [] } : await repair(routing, verdict.ranges, known)
    // What changed meanwhile was perhaps not seen, and what was refused or failed may do the next time.
    const isCertain = before === changes && !isRefused && outcome.failure === undefined
    last = isCertain ? { verdict, of: keyOf() } : undefined
    return { verdict, isFresh: true, ...outcome }
  }

  async function repair(
    routing: Routing,
    accepted: readonly string[],
    members: readonly { mesh_ip: string }[],
  ): Promise<Pick<PreparedRouting, 'repaired' | 'failure'>> {
    const { interfaceName } = place()
    const wanted = accepted.map(parseCidr)
    const known = controlAddresses()
    const machine = { ...routing, controlAddresses: known ?? [] }
    elsewhere = wanted.flatMap((range) => exceptionsIn(range, interfaceName, machine))
    const found = withoutPeers(elsewhere, addressesIn(elsewhere, members), machine)
    // Until it is known where the control plane is, it may be anywhere.
    exceptions = known && found.map(({ dst }) => dst)
    const repairs = planRouting(
      { ranges: wanted, interfaceName, exceptions: found, isComplete: known !== undefined },
      routing,
    )
    try {
      const lines = repairs.map(({ command }) => command)
      await runIp(exec, lines)
      return { repaired: repairs.map(({ detail }) => detail) }
    } catch (error) {
      const refused = refusedLines(error)
      const done = refused ? repairs.filter((_, index) => !refused.has(index + 1)) : []
      return { repaired: done.map(({ detail }) => detail), failure: describeError(error) }
    }
  }

  async function check(peers: readonly CheckedPeer[]): Promise<string[]> {
    const { interfaceName, meshRanges } = place()
    const apart = peersIn(
      meshRanges.filter((text) => !ranges?.includes(text)),
      peers,
    )
    const ways = await checkRoutes({
      peers,
      interfaceName,
      controlAddresses: controlAddresses() ?? [],
      exec,
    })
    astray = new Map([...ways.peers, ...apart])
    const returns = await allowMarkedReturn(peers, (ranges ?? []).map(parseCidr))
    // Why a range is left out is told once, and none of those who are in it has a way that could be wrong.
    const wrong = [...ways.peers].flatMap(([id, text]) => (apart.has(id) ? [] : [text]))
    return [...ways.others, ...wrong, ...returns]
  }

  return {
    prepare,
    check,
    ranges: () => ranges,
    exceptions: () => exceptions,
    astray: () => astray,
    forget() {
      changes++
      last = undefined
    },
  }
}

/** By its id, a sentence for each peer with an address in a range that is left out here. */
function peersIn(leftOut: readonly string[], peers: readonly CheckedPeer[]): Map<string, string> {
  const ranges = leftOut.flatMap((text) => readRange(text) ?? [])
  return new Map(
    peers.flatMap(({ id, mesh_ip }) => {
      const range = rangeOf(ranges, parseIpv4(mesh_ip))
      return range
        ? [[id, `its range, ${formatCidr(range)}, is left out here: "plexd status" says why`]]
        : []
    }),
  )
}

/** Of peers, those that lie in one of these. Mostly there are none of these. */
function addressesIn(
  exceptions: readonly Exception[],
  peers: readonly { mesh_ip: string }[],
): string[] {
  const networks = exceptions.map(({ dst }) => parseCidr(dst))
  if (networks.length === 0) return []
  return peers
    .map(({ mesh_ip }) => mesh_ip)
    .filter((address) => networks.some((network) => cidrContains(network, parseIpv4(address))))
}

/** Rule and table of a mesh whose interface has this name. That there are none is no failure. */
export async function removeMeshRouting(
  interfaceName: string,
  exec: Exec = execProgram,
): Promise<void> {
  await runIp(exec, planRoutingRemoval(interfaceName, await readRouting(exec)))
}

async function runIp(exec: Exec, lines: readonly string[]): Promise<void> {
  // One line that fails keeps no other from being carried out.
  if (lines.length > 0)
    await exec(['ip', '-4', '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** By their numbers, from one, the lines of a batch that were not carried out; undefined where nobody knows. Pure. */
function refusedLines(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof ExecError) || error.exitCode === undefined) return undefined
  const numbers = [...error.stderr.matchAll(/^Command failed -:(\d+)$/gm)].map(([, n]) => Number(n))
  return numbers.length === 0 ? undefined : new Set(numbers)
}
