import type { Fleet, FleetOptions } from './fleet/fleet.ts'
import type { Topology } from './fleet/join.ts'
import type { Plane } from './fleet/plane.ts'
import type { BareFleet } from './floor/bare-fleet.ts'

/** One measured number. */
export interface Figure {
  /** The target that it is for, as `C4`; left out for what only explains others. */
  id?: string
  what: string
  unit: string
  value: number
  /** The range of the rounds. */
  low?: number
  high?: number
  rounds?: number
  /** A lower limit, or the same without what is measured, from the same run. */
  floor?: { what: string; value: number } | undefined
  /** A point of a chart: the cost at one size of the fleet. */
  series?: { name: string; at: number }
  target?: { atMost: number } | { atLeast: number } | undefined
}

/** What is profiled: the process of the moment, which may be started again. */
export interface Profiled {
  program(): { child: { kill(signal: NodeJS.Signals): boolean } }
}

/** The options of a bench, and where it reports its findings. */
export interface BenchContext {
  /** Small and short: to see whether it works, not how fast. */
  readonly quick: boolean
  /** How many simulated agents; the bench's own number when left out. */
  readonly agents: number | undefined
  /** How long to measure, in seconds. */
  readonly seconds: number | undefined
  readonly rounds: number | undefined
  /** Environment for programs that `profiled` is to see. */
  readonly profilingEnv: Readonly<Record<string, string>>
  add(figure: Figure): void
  /** Something went wrong, which fails the bench whatever the figures are. */
  fault(text: string): void
  faults(): number
  note(text: string): void
  /** A control plane of its own. */
  plane(options?: { args?: readonly string[]; beside?: Plane }): Promise<Plane>
  /** A control plane with registered agents, which ends with the bench. */
  fleet(options: Partial<FleetOptions> & { args?: readonly string[] }): Promise<Fleet>
  /** The same agents on a bare server, until the bench ends; none for a control plane that is not ours. */
  bare(plane: Plane, agents: number): Promise<BareFleet | undefined>
  /** Records where the program spends its time meanwhile, when asked to. */
  profiled<Result>(program: Profiled | undefined, run: () => Promise<Result>): Promise<Result>
}

/** A row of the table. */
export interface Bench {
  name: string
  /** Targets of the project that it measures. */
  targets: readonly string[]
  summary: string
  /** Who sees whom in it; left out where that makes no difference. */
  topology?: Topology
  /** Runs as root, in a network namespace of its own. */
  ownNetwork?: boolean
  run(context: BenchContext): Promise<void>
}
