import type { Fleet, FleetOptions } from './fleet/fleet.ts'
import type { Plane } from './fleet/plane.ts'

/** One measured number. */
export interface Figure {
  /** The target that it answers, as `C4`; left out for what only explains others. */
  id?: string
  what: string
  unit: string
  value: number
  /** Lowest and highest of the rounds. */
  low?: number
  high?: number
  rounds?: number
  /** The least that it can be, or somebody else's, measured in the same run. */
  floor?: { what: string; value: number }
  /** A point of a chart: what this costs at a size of the fleet. */
  series?: { name: string; at: number }
  /** `value` is to be at most, or at least, this. */
  target?: { atMost: number } | { atLeast: number }
}

/** What a bench is run with, and where it says what it found. */
export interface BenchContext {
  /** Small and short: to see whether it works, not how fast. */
  readonly quick: boolean
  /** How many simulated agents; the bench's own number when left out. */
  readonly agents: number | undefined
  /** How long what takes its time is to take, in seconds. */
  readonly seconds: number | undefined
  readonly rounds: number | undefined
  add(figure: Figure): void
  /** Something is wrong, whatever the figures say. */
  fault(text: string): void
  faults(): number
  note(text: string): void
  /** A control plane of its own. */
  plane(options?: { args?: readonly string[] }): Promise<Plane>
  /** A control plane with registered agents, which ends with the bench. */
  fleet(options: Partial<FleetOptions> & { args?: readonly string[] }): Promise<Fleet>
  /** Records where the control plane spends its time meanwhile, when asked to. */
  profiled<Result>(plane: Plane, run: () => Promise<Result>): Promise<Result>
}

/** A row of the table. */
export interface Bench {
  name: string
  /** Targets of the project that it measures. */
  targets: readonly string[]
  summary: string
  /** A program of its own, which prints `{ figures }` with `--json`; it needs root. */
  script?: string
  run?(context: BenchContext): Promise<void>
}
