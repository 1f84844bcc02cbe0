import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, ownersHere, resolveLimits, silentLog, systemClock } from '@plexd/runtime'
import { createActionCatalog, type OpenCatalog } from '../../actions/catalog.ts'
import type { ActionOutput, ReceivedParameters } from '../../actions/define.ts'
import { defaultConfig } from '../../config/agent-config.ts'
import { limits } from '../../config/limits.ts'
import { createProblems, type Problems } from '../../health/problems.ts'
import { makeFolder } from '../../testing/node.ts'
import { type Hooks, type HooksDeps, startHooks } from '../hooks.ts'
import type { Deviation } from '../judge.ts'
import { runPlain } from './run-plain.ts'

/** A machine's folder of hooks, with a data dir beside it. */
export interface HookPlace extends AsyncDisposable {
  folder: string
  hooksDir: string
  dataDir: string
  catalog: OpenCatalog
  problems: Problems
  violations: Deviation[]
  /** Messages of the log, with their fields. */
  logged: string[]
  config: HooksDeps['config']
  path(name: string): string
  write(name: string, text: string, mode?: number): Promise<void>
  start(changes?: Partial<HooksDeps>): Promise<Hooks>
}

export async function makeHookPlace(): Promise<HookPlace> {
  const { path: folder, ...made } = await makeFolder()
  const hooksDir = join(folder, 'hooks.d')
  const dataDir = join(folder, 'data')
  await mkdir(hooksDir, { mode: 0o755 })
  await mkdir(dataDir, { mode: 0o700 })
  const catalog = createActionCatalog()
  const problems = createProblems()
  const violations: Deviation[] = []
  const logged: string[] = []
  const config: HooksDeps['config'] = {
    ...defaultConfig,
    dataDir,
    hooksDir,
    socketPath: join(folder, 'api.sock'),
    limits: resolveLimits(limits, {}),
  }
  const path = (name: string): string => join(hooksDir, name)
  const note = (message: string, fields = {}): void =>
    void logged.push(`${message} ${JSON.stringify(fields)}`)
  const log: Log = { ...silentLog, warn: note, error: note }
  return {
    folder,
    hooksDir,
    dataDir,
    catalog,
    problems,
    violations,
    logged,
    config,
    path,
    async write(name, text, mode = 0o755) {
      await writeFile(path(name), text)
      await chmod(path(name), mode)
    },
    start: (changes = {}) =>
      startHooks({
        config,
        owners: ownersHere(),
        catalog,
        problems,
        violations: { add: (deviation) => void violations.push(deviation) },
        nodeId: () => 'n_test',
        runContained: runPlain,
        onFailure() {},
        clock: systemClock,
        log,
        ...changes,
      }),
    [Symbol.asyncDispose]: made[Symbol.asyncDispose],
  }
}

/** Runs a hook as an executor would. */
export async function runAction(
  catalog: OpenCatalog,
  name: string,
  received: ReceivedParameters = {},
  expected?: string,
): Promise<ActionOutput> {
  const action = catalog.find(name)
  if (!action) throw new Error(`no action "${name}"`)
  const prepared = await action.prepare(received, expected)
  return prepared({
    signal: new AbortController().signal,
    executionId: 'exec_1',
    action: name,
    triggeredBy: {},
    outputBytes: 65_536,
  })
}
