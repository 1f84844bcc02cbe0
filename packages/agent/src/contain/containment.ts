import { type Clock, errorCodeOf, type Log } from '@plexd/runtime'
import { keepInheritedDescriptors } from '../process/inherited-descriptors.ts'
import { loadOpenPipe } from '../process/pipe.ts'
import { findFacts, forgetFacts } from './groups/find-facts.ts'
import { type ContainLimits, prlimitOptions, unkeptLimits } from './groups/limits.ts'
import {
  type ContainMethod,
  chooseMethod,
  describeMethod,
  type LimitName,
} from './groups/method.ts'
import {
  createGroupNames,
  endLeftovers,
  groupsName,
  makeGroups,
  type ProgramGroups,
} from './groups/own-groups.ts'
import { createContainers } from './launch/containers.ts'
import { shellsNames } from './launch/launch.ts'
import { createToolFinder } from './launch/launch-tools.ts'
import type { Sandbox } from './launch/sandbox.ts'
import { findContainerMounts, findMounts, type SandboxMount } from './launch/sandbox-mounts.ts'
import { findUlimits } from './launch/ulimits.ts'
import { findUser } from './launch/user.ts'
import { checkFolder, findProgram } from './program.ts'
import { type ProgramEnd, runLaunch } from './run.ts'

export interface ContainedProgram {
  /** The program, as an absolute path or a name for PATH of `env`, and its arguments. */
  argv: readonly [string, ...string[]]
  /** All that it gets: nothing is inherited. */
  env: Readonly<Record<string, string>>
  /** Absolute; default `/`. */
  cwd?: string | undefined
  /** A name or an id; default the one that plexd runs as. */
  user?: string | number | undefined
  limits: ContainLimits
  sandbox: Sandbox
  /** Ends it: SIGTERM, and SIGKILL after `graceMs`. */
  signal: AbortSignal
  /** Of stdout and stderr each; the rest is discarded. */
  outputBytes: number
  /** Default 5 s. */
  graceMs?: number | undefined
}

export interface ContainedEnd extends ProgramEnd {
  /** The limits that it has come up against. */
  met: LimitName[]
  /** The limits that nothing has kept, because this machine cannot. */
  unkept: LimitName[]
}

/**
 * Runs a program until it and all that it has started have ended: what it leaves running is ended with it. Rejects,
 * with the reason, if it cannot be started as it should.
 */
export type RunContained = (program: ContainedProgram) => Promise<ContainedEnd>

export interface Containment extends AsyncDisposable {
  readonly method: ContainMethod
  readonly run: RunContained
  /** Ends what another process of ours, which has ended meanwhile, has left running. */
  endLeftovers(): Promise<void>
}

export interface ContainmentDeps {
  dataDir: string
  clock: Clock
  log: Log
  find?: typeof findFacts
}

/** Finds out how programs are contained here, and ends those that an earlier life of this daemon has left. */
export async function openContainment({
  dataDir,
  clock,
  log,
  find = findFacts,
}: ContainmentDeps): Promise<Containment> {
  const base = await groupsName(dataDir)
  const facts = await find(base)
  const method = chooseMethod(facts)
  const containers = createContainers(dataDir, log)
  const ended = await endLeftovers(method, clock)
  await containers.forgetLeftovers()
  // Made again for the first program: a daemon that runs none leaves nothing, however it ends.
  await forgetFacts(facts)
  if (ended > 0) log.warn('programs of an earlier life of plexd ended', { groups: ended })
  log.debug('programs are contained', { how: describeMethod(method).text })
  await keepInheritedDescriptors()
  const findTools = createToolFinder()
  const openPipe = await loadOpenPipe().catch(() => undefined)
  const nextName = await createGroupNames()

  async function makeOwnGroups(name: string, limits: ContainLimits): Promise<ProgramGroups> {
    try {
      return await makeGroups(name, limits, { method, clock })
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT') throw error
      await find(base)
      return await makeGroups(name, limits, { method, clock })
    }
  }

  async function run(options: ContainedProgram): Promise<ContainedEnd> {
    const { argv, env, cwd = '/', limits, sandbox, signal, graceMs = 5_000 } = options
    signal.throwIfAborted()
    refuseShellsNames(env)
    const [command, ...args] = argv
    const program = await findProgram(command, env)
    await checkFolder(cwd)
    const user = await findUser(options.user)
    const mounts = await mountsFor[sandbox.kind](sandbox, dataDir)
    const tools = await findTools()
    const name = nextName()
    await using groups = await makeOwnGroups(name, withStarters(limits, sandbox))
    const prlimits = prlimitOptions(limits, method.limits)
    const isContainer = sandbox.kind === 'container'
    const launch = {
      ...{ name, program, args, env, cwd, user, sandbox, mounts, prlimits },
      groups: groups.folders,
      ulimits: isContainer ? await findUlimits(prlimits) : [],
      fence: method.fence.kind,
    }
    await using _container = isContainer ? await containers.begin(name) : undefined
    const end = await runLaunch(launch, { ...options, graceMs }, { tools, openPipe, clock })
    const unkept = unkeptLimits(limits, method.limits, user?.uid ?? process.geteuid?.())
    return { ...end, met: await groups.met(), unkept }
  }

  return {
    method,
    run,
    async endLeftovers() {
      await endLeftovers(method, clock, { own: false })
      await containers.forgetLeftovers({ own: false })
    },
    [Symbol.asyncDispose]: () => forgetFacts(facts),
  }
}

const mountsFor: Record<
  Sandbox['kind'],
  (sandbox: Sandbox, dataDir: string) => Promise<SandboxMount[]>
> = {
  none: async () => [],
  namespaced: findMounts,
  container: findContainerMounts,
}

/** What a sandbox needs for itself, beside the program: bubblewrap has two processes, podman threads on each processor. */
const starters: Record<Sandbox['kind'], { pids: number; memoryBytes: number }> = {
  none: { pids: 0, memoryBytes: 0 },
  namespaced: { pids: 2, memoryBytes: 0 },
  container: { pids: 64, memoryBytes: 64 * 1024 * 1024 },
}

function withStarters(limits: ContainLimits, { kind }: Sandbox): ContainLimits {
  const { pids, memoryBytes } = limits
  const own = starters[kind]
  return {
    ...limits,
    pids: pids === undefined ? undefined : pids + own.pids,
    memoryBytes: memoryBytes === undefined ? undefined : memoryBytes + own.memoryBytes,
  }
}

function refuseShellsNames(env: Readonly<Record<string, string>>): void {
  const bad = Object.keys(env).find(
    (name) => !/^[A-Za-z_]\w*$/.test(name) || shellsNames.includes(name),
  )
  if (bad !== undefined)
    throw new Error(`give a program the variable "${bad}": a shell would change it`)
}
