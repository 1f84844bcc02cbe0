import { readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'
import type { BenchContext, Figure, Profiled } from './bench.ts'
import { requireFiles } from './fleet/file-limit.ts'
import { startFleet } from './fleet/fleet.ts'
import { type GivenPlane, openPlane, profilingIn } from './fleet/plane.ts'
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

  const plane: BenchContext['plane'] = async ({ args = [], beside } = {}) =>
    stack.use(await openPlane({ given, profileDir, args, beside }))

  async function profiled<Result>(
    of: Profiled | undefined,
    run: () => Promise<Result>,
  ): Promise<Result> {
    if (profileDir === undefined || !of) return run()
    of.program().child.kill('SIGUSR2')
    const result = await run()
    const profile = newFile(profileDir, '.cpuprofile')
    of.program().child.kill('SIGUSR2')
    await show(await profile, onText)
    if (options.wantsHeap) {
      const snapshot = newFile(profileDir, '.heapsnapshot')
      of.program().child.kill('SIGWINCH')
      onText(`heap snapshot ${await snapshot}`)
    }
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

/** The path of the first file with this ending that was not there before: a large one takes seconds to be written. */
async function newFile(folder: string, ending: string): Promise<string> {
  // At once: a small one is there before a thread has listed the folder.
  const before = new Set(readdirSync(folder))
  let found: string | undefined
  await until(
    `a ${ending} in ${folder}`,
    async () => {
      const names = await readdir(folder)
      found = names.find((name) => name.endsWith(ending) && !before.has(name))
      return found !== undefined
    },
    120_000,
    200,
  )
  return join(folder, found ?? '')
}

async function show(path: string, onText: (text: string) => void): Promise<void> {
  onText(`profile ${path}, by own time:`)
  for (const { name, percent } of await readHotFunctions(path))
    onText(`${percent.toFixed(1).padStart(6)} %  ${name}`)
}
