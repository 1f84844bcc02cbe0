import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchContext, Figure, Profiled } from './bench.ts'
import { requireFiles } from './fleet/file-limit.ts'
import { startFleet } from './fleet/fleet.ts'
import { type GivenPlane, openPlane, type Plane, profilingIn } from './fleet/plane.ts'
import { startBareFleet } from './floor/bare-fleet.ts'
import { readHotFunctions } from './profile/hot-functions.ts'

/** What a bench has found. */
export interface Findings {
  figures: Figure[]
  faults: string[]
  notes: string[]
}

export interface ContextOptions
  extends Pick<BenchContext, 'quick' | 'agents' | 'seconds' | 'rounds'> {
  workers: number | undefined
  profileDir: string | undefined
  wantsHeap: boolean
  given: GivenPlane | undefined
  onFigure(figure: Figure): void
  onText(text: string): void
}

export type RunningContext = BenchContext & AsyncDisposable & { readonly findings: Findings }

export function createContext(options: ContextOptions): RunningContext {
  const { quick, agents, seconds, rounds, workers, profileDir, given, onFigure, onText } = options
  const stack = new AsyncDisposableStack()
  const findings: Findings = { figures: [], faults: [], notes: [] }

  async function plane({ args = [] }: { args?: readonly string[] } = {}): Promise<Plane> {
    return stack.use(await openPlane({ given, profileDir, args }))
  }

  async function profiled<Result>(
    of: Profiled | undefined,
    run: () => Promise<Result>,
  ): Promise<Result> {
    if (profileDir === undefined || !of) return run()
    of.program().child.kill('SIGUSR2')
    const result = await run()
    of.program().child.kill('SIGUSR2')
    if (options.wantsHeap) of.program().child.kill('SIGWINCH')
    await delay(2_000)
    await showNewest(profileDir, onText)
    return result
  }

  return {
    quick,
    agents,
    seconds,
    rounds,
    profilingEnv: profilingIn(profileDir),
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
      return stack.use(
        await startFleet(await plane({ args }), { workers, ...wanted, agents: size }),
      )
    },
    bare: async (plane, agents) => plane.own && stack.use(await startBareFleet(plane, agents)),
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
