import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchContext, Figure } from './bench.ts'
import { requireFiles } from './fleet/file-limit.ts'
import { type FleetOptions, startFleet } from './fleet/fleet.ts'
import { openPlane, type Plane, type PlaneOptions } from './fleet/plane.ts'
import { readHotFunctions } from './profile/hot-functions.ts'

/** What a bench has found. */
export interface Findings {
  figures: Figure[]
  faults: string[]
  notes: string[]
}

export interface ContextOptions {
  quick: boolean
  agents: number | undefined
  seconds: number | undefined
  rounds: number | undefined
  workers: number | undefined
  profileDir: string | undefined
  wantsHeap: boolean
  given: PlaneOptions['given'] | undefined
  onFigure(figure: Figure): void
  onText(text: string): void
}

export type RunningContext = BenchContext & AsyncDisposable & { readonly findings: Findings }

/** Most of the cost of one process with agents is one core, and there are two. */
const agentsPerWorker = 5_000

export function createContext(options: ContextOptions): RunningContext {
  const { quick, agents, seconds, rounds, profileDir, given, onFigure, onText } = options
  const stack = new AsyncDisposableStack()
  const findings: Findings = { figures: [], faults: [], notes: [] }

  async function plane({ args = [] }: { args?: readonly string[] } = {}): Promise<Plane> {
    const opened = await openPlane({
      ...(given ? { given } : {}),
      ...(profileDir === undefined ? {} : { profileDir }),
      args,
    })
    return stack.use(opened)
  }

  async function profiled<Result>(of: Plane, run: () => Promise<Result>): Promise<Result> {
    if (profileDir === undefined || !of.own) return run()
    of.own.toggleProfile()
    const result = await run()
    of.own.toggleProfile()
    if (options.wantsHeap) of.own.process.program().child.kill('SIGWINCH')
    await delay(2_000)
    await showNewest(profileDir, onText)
    return result
  }

  return {
    quick,
    agents,
    seconds,
    rounds,
    findings,
    add(figure) {
      findings.figures.push(figure)
      onFigure(figure)
    },
    fault(text) {
      findings.faults.push(text)
      if (findings.faults.length <= maxShown) onText(`FAULT: ${text}`)
    },
    faults: () => findings.faults.length,
    note(text) {
      findings.notes.push(text)
      onText(text)
    },
    plane,
    async fleet({ args = [], ...wanted }) {
      const size = wanted.agents ?? agents ?? 1_000
      requireFiles(size)
      const whole: FleetOptions = {
        topology: 'full',
        ...wanted,
        workers: wanted.workers ?? options.workers ?? Math.ceil(size / agentsPerWorker),
        agents: size,
      }
      return stack.use(await startFleet(await plane({ args }), whole))
    },
    profiled,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const maxShown = 10

async function showNewest(folder: string, onText: (text: string) => void): Promise<void> {
  const names = await readdir(folder)
  const newest = names
    .filter((name) => name.endsWith('.cpuprofile'))
    .toSorted()
    .at(-1)
  if (newest === undefined) return
  const path = join(folder, newest)
  onText(`profile ${path}, by own time:`)
  for (const { name, percent } of await readHotFunctions(path))
    onText(`${percent.toFixed(1).padStart(6)} %  ${name}`)
}
