import { formatCidr, parseCidr, parseIpv4, rangeOf } from '@plexd/protocol'
import { type Exec, exec as execProgram } from '@plexd/runtime'
import {
  decideRouting,
  factsOf,
  keyOf,
  type RoutingPlace,
  type RoutingPlan,
} from './decide-routing.ts'
import type { PlaceVerdict } from './mesh-range.ts'
import { allowMarkedReturn } from './reverse-path.ts'
import { type CheckedPeer, createRouteCheck } from './route-check.ts'
import type { RoutingPrint } from './routing-print.ts'
import { type CarriedOut, carryOut } from './run-ip.ts'
import { readRouting } from './tables/local-routes.ts'
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

export interface PreparedRouting extends CarriedOut {
  verdict: PlaceVerdict
  /** Whether this is how the routing is now. */
  isFresh: boolean
}

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
    const plan = decideRouting(await readRouting(exec), facts)
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
