import { cidrContains, formatCidr, parseCidr, parseIpv4, rangeOf } from '@plexd/protocol'
import { describeError, type Exec, ExecError, exec as execProgram } from '@plexd/runtime'
import { type Exception, exceptionsIn, withoutPeers } from './exceptions.ts'
import type { LinkRepair } from './link-repair.ts'
import { judgePlace, type PlaceVerdict, type PlannedPlace } from './mesh-range.ts'
import { allowMarkedReturn } from './reverse-path.ts'
import { type CheckedPeer, createRouteCheck } from './route-check.ts'
import { planRouting, planRoutingRemoval } from './routing-plan.ts'
import type { RoutingPrint } from './routing-print.ts'
import { type Routing, readRouting } from './tables/local-routes.ts'
import { readRanges } from './tables/networks.ts'

/** The routing of this machine around the mesh: what leads into it, and what must not. */
export interface MeshRouting {
  /**
   * Judges the place of the mesh, and unless it is refused corrects rule and table. Uses what it last read, except after `forget`, after
   * a refusal or a failure, and with `look` when the kernel has other routes or rules than then.
   */
  prepare(options?: { look?: boolean }): Promise<PreparedRouting>
  /** Asks the kernel for the actual routes; a message for each that is wrong. */
  check(peers: readonly CheckedPeer[]): Promise<string[]>
  /** The ranges that are routed into the mesh (CIDR), as last read; undefined before that, and while refused. */
  ranges(): readonly string[] | undefined
  /** The exceptions within those; undefined as well while not all of them are known. */
  exceptions(): readonly string[] | undefined
  /** Why packets for a peer do not get into the mesh, by its id; as of the last check. */
  astray(): ReadonlyMap<string, string>
  /** The routes of the machine have changed. */
  forget(): void
}

export interface PreparedRouting {
  verdict: PlaceVerdict
  /** Whether this is how the routing is now. */
  isFresh: boolean
  /** What was wrong and has been corrected, in the past tense. */
  repaired: readonly string[]
  /** Why not all of it could be corrected. */
  failure?: string
}

export interface RoutingPlace {
  place(): PlannedPlace
  /** Undefined while unknown. */
  controlAddresses(): readonly string[] | undefined
  /** The nodes in the mesh; exceptions do not apply to their addresses. */
  peers(): readonly Member[]
}

type Member = { mesh_ip: string }

export interface MeshRoutingOptions extends RoutingPlace {
  exec?: Exec
  /** Without it, every look reads. */
  print?: RoutingPrint
}

export function createMeshRouting({
  exec = execProgram,
  print = () => undefined,
  ...given
}: MeshRoutingOptions): MeshRouting {
  const checkRoutes = createRouteCheck(exec, print)
  /** Before the last reading. */
  let printed: string | undefined
  const { place, controlAddresses } = given
  let last: RoutingPlan | undefined
  /** Of the facts for which `last` is certain to hold. */
  let settledFor: string | undefined
  let changes = 0
  let astray: ReadonlyMap<string, string> = new Map()

  async function prepare({ look = false } = {}): Promise<PreparedRouting> {
    const now = look ? print() : undefined
    const isSame = !look || (now !== undefined && now === printed)
    if (isSame && last && settledFor === keyOf(last, factsOf(given)))
      return { verdict: last.verdict, isFresh: look, repaired: [] }
    printed = now ?? print()
    const before = changes
    const facts = factsOf(given)
    const plan = decide(await readRouting(exec), facts)
    const key = keyOf(plan, facts)
    last = plan
    const outcome = await carryOut(plan.repairs, exec)
    // Changes in the meantime may have been missed; a refusal or a failure may be over the next time.
    const isSettled =
      before === changes && plan.verdict.refusal === undefined && outcome.failure === undefined
    settledFor = isSettled ? key : undefined
    return { verdict: plan.verdict, isFresh: true, ...outcome }
  }

  async function check(peers: readonly CheckedPeer[]): Promise<string[]> {
    const { interfaceName, meshRanges } = place()
    const ranges = last?.ranges ?? []
    const apart = peersIn(
      meshRanges.filter((text) => !ranges.includes(text)),
      peers,
    )
    const known = controlAddresses() ?? []
    const ways = await checkRoutes({ peers, interfaceName, controlAddresses: known })
    astray = new Map([...ways.peers, ...apart])
    const returns = await allowMarkedReturn(peers, ranges.map(parseCidr))
    // That a range is left out is reported once, not for each of its peers.
    const wrong = [...ways.peers].flatMap(([id, text]) => (apart.has(id) ? [] : [text]))
    return [...ways.others, ...wrong, ...returns]
  }

  return {
    prepare,
    check,
    ranges: () => last?.ranges,
    exceptions: () => last?.exceptions,
    astray: () => astray,
    forget() {
      changes++
      settledFor = undefined
    },
  }
}

type Facts = { [Name in keyof RoutingPlace]: ReturnType<RoutingPlace[Name]> }

function factsOf({ place, controlAddresses, peers }: RoutingPlace): Facts {
  return { place: place(), controlAddresses: controlAddresses(), peers: peers() }
}

interface RoutingPlan {
  verdict: PlaceVerdict
  ranges?: readonly string[]
  exceptions?: readonly string[] | undefined
  /** The exceptions before the addresses of peers are taken out. */
  elsewhere: readonly Exception[]
  repairs: readonly LinkRepair[]
}

/** What to do about the routing as it was read. Pure. */
function decide(routing: Routing, { place, controlAddresses, peers }: Facts): RoutingPlan {
  const machine = { ...routing, controlAddresses: controlAddresses ?? [] }
  const verdict = judgePlace({ ...place, controlAddresses: machine.controlAddresses }, routing)
  if (verdict.refusal !== undefined) return { verdict, elsewhere: [], repairs: [] }
  const { interfaceName } = place
  const ranges = verdict.ranges.map(parseCidr)
  const elsewhere = ranges.flatMap((range) => exceptionsIn(range, interfaceName, machine))
  const exceptions = withoutPeers(elsewhere, addressesIn(elsewhere, peers), machine)
  // Until the address of the control plane is known, it may be anywhere.
  const isComplete = controlAddresses !== undefined
  return {
    verdict,
    ranges: verdict.ranges,
    exceptions: isComplete ? exceptions.map(({ dst }) => dst) : undefined,
    elsewhere,
    repairs: planRouting({ ranges, interfaceName, exceptions, isComplete }, routing),
  }
}

/** Equal while a plan need not be made anew. Of the peers only those matter that lie in an exception. */
function keyOf({ elsewhere }: RoutingPlan, { place, controlAddresses, peers }: Facts): string {
  return JSON.stringify([place, controlAddresses, addressesIn(elsewhere, peers)])
}

async function carryOut(
  repairs: readonly LinkRepair[],
  exec: Exec,
): Promise<Pick<PreparedRouting, 'repaired' | 'failure'>> {
  try {
    await runIp(
      exec,
      repairs.map(({ command }) => command),
    )
    return { repaired: repairs.map(({ detail }) => detail) }
  } catch (error) {
    const refused = refusedLines(error)
    const done = refused ? repairs.filter((_, index) => !refused.has(index + 1)) : []
    return { repaired: done.map(({ detail }) => detail), failure: describeError(error) }
  }
}

/** A message for each peer with an address in a range that is left out here, by its id. */
function peersIn(leftOut: readonly string[], peers: readonly CheckedPeer[]): Map<string, string> {
  const ranges = readRanges(leftOut)
  return new Map(
    peers.flatMap(({ id, mesh_ip }) => {
      const range = rangeOf(ranges, parseIpv4(mesh_ip))
      return range
        ? [[id, `its range, ${formatCidr(range)}, is left out here: "plexd status" says why`]]
        : []
    }),
  )
}

/** The addresses of peers that lie in an exception. Mostly there is no exception. */
function addressesIn(exceptions: readonly Exception[], peers: readonly Member[]): string[] {
  const networks = exceptions.map(({ dst }) => parseCidr(dst))
  if (networks.length === 0) return []
  return peers
    .map(({ mesh_ip }) => mesh_ip)
    .filter((address) => networks.some((network) => cidrContains(network, parseIpv4(address))))
}

/** Removes rule and table of the mesh with this interface, if there are any. */
export async function removeMeshRouting(
  interfaceName: string,
  exec: Exec = execProgram,
): Promise<void> {
  await runIp(exec, planRoutingRemoval(interfaceName, await readRouting(exec)))
}

async function runIp(exec: Exec, lines: readonly string[]): Promise<void> {
  // -force: a line that fails does not stop those after it.
  if (lines.length > 0)
    await exec(['ip', '-4', '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** The numbers, from one, of the lines of a batch that failed; undefined if unknown. Pure. */
function refusedLines(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof ExecError) || error.exitCode === undefined) return undefined
  const numbers = [...error.stderr.matchAll(/^Command failed -:(\d+)$/gm)].map(([, n]) => Number(n))
  return numbers.length === 0 ? undefined : new Set(numbers)
}
