import { type Exec, exec as execProgram } from '@plexd/runtime'
import { type Routing, readRouting } from './local-routes.ts'
import { judgePlace, type PlaceVerdict, type PlannedPlace } from './mesh-range.ts'
import { allowMarkedReturn } from './reverse-path.ts'
import { type CheckedPeer, checkRoutes } from './route-check.ts'
import { exceptionsIn, planRouting, planRoutingRemoval, readRange } from './routing-plan.ts'

/** The routing of this machine around the mesh: what leads into it, and what must not. */
export interface MeshRouting {
  /**
   * Judges where the mesh is to be, and unless it is refused brings rule and table to what they must be. What was seen
   * before does, unless with `look`, after `forget`, and while something is wrong.
   */
  prepare(options?: { look?: boolean }): Promise<PreparedRouting>
  /** Where packets really go, asked of the kernel; a sentence for each way that is not as it must be. */
  check(peers: readonly CheckedPeer[]): Promise<string[]>
  /** The routes of the machine have changed. */
  forget(): void
  /** Takes rule and table away. */
  remove(): Promise<void>
}

export interface PreparedRouting {
  verdict: PlaceVerdict
  /** Whether the machine was looked at. */
  isFresh: boolean
  /** What was wrong and is right now, in the past tense. */
  repaired: readonly string[]
}

export interface RoutingPlace {
  place(): PlannedPlace
  /** Undefined while nobody knows. */
  controlAddresses(): readonly string[] | undefined
}

export function createMeshRouting({
  place,
  controlAddresses,
  exec = execProgram,
}: RoutingPlace & { exec?: Exec }): MeshRouting {
  let last: { verdict: PlaceVerdict; of: string } | undefined

  async function prepare({ look = false } = {}): Promise<PreparedRouting> {
    const of = JSON.stringify([place(), controlAddresses()])
    if (!look && last?.of === of && last.verdict === undefined)
      return { verdict: undefined, isFresh: false, repaired: [] }
    last = undefined
    const routing = await readRouting(exec)
    const verdict = judgePlace(
      { ...place(), controlAddresses: controlAddresses() ?? [] },
      routing.routes,
    )
    const repaired = verdict && 'refusal' in verdict ? [] : await repair(routing)
    last = { verdict, of }
    return { verdict, isFresh: true, repaired }
  }

  async function repair(routing: Routing): Promise<string[]> {
    const { meshRange, interfaceName } = place()
    const range = readRange(meshRange)
    if (!range) return []
    const known = controlAddresses()
    const { routes } = routing
    const repairs = planRouting(
      {
        range,
        interfaceName,
        exceptions: exceptionsIn(range, interfaceName, { routes, controlAddresses: known ?? [] }),
        isComplete: known !== undefined,
      },
      routing,
    )
    await runIp(
      exec,
      repairs.map(({ command }) => command),
    )
    return repairs.map(({ detail }) => detail)
  }

  async function check(peers: readonly CheckedPeer[]): Promise<string[]> {
    const { meshRange, interfaceName } = place()
    const range = readRange(meshRange)
    return [
      ...(await checkRoutes({
        peers,
        interfaceName,
        controlAddresses: controlAddresses() ?? [],
        exec,
      })),
      ...(range ? await allowMarkedReturn(peers, range) : []),
    ]
  }

  return {
    prepare,
    check,
    forget() {
      last = undefined
    },
    remove: () => removeMeshRouting(place().interfaceName, exec),
  }
}

/** Rule and table of a mesh whose interface has this name. That there are none is no failure. */
export async function removeMeshRouting(
  interfaceName: string,
  exec: Exec = execProgram,
): Promise<void> {
  await runIp(exec, planRoutingRemoval(interfaceName, await readRouting(exec)))
}

async function runIp(exec: Exec, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await exec(['ip', '-4', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}
