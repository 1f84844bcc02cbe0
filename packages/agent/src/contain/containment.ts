import { type Clock, describeError, errorCodeOf, exec, type Log } from '@plexd/runtime'
import { keepInheritedDescriptors } from '../process/inherited-descriptors.ts'
import { loadOpenPipe } from '../process/pipe.ts'
import { findFacts, forgetFacts } from './find-facts.ts'
import { shellsNames } from './launch.ts'
import { createToolFinder } from './launch-tools.ts'
import { type ContainLimits, prlimitOptions, unkeptLimits } from './limits.ts'
import { type ContainMethod, chooseMethod, describeMethod, type LimitName } from './method.ts'
import {
  createGroupNames,
  endLeftovers,
  groupsName,
  makeGroups,
  type ProgramGroups,
} from './own-groups.ts'
import { checkFolder, findProgram } from './program.ts'
import { type ProgramEnd, runLaunch } from './run.ts'
import type { Sandbox } from './sandbox.ts'
import { findMounts } from './sandbox-mounts.ts'
import { findUser } from './user.ts'

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
  const ended = await endLeftovers(method, clock)
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
    const mounts = sandbox.kind === 'namespaced' ? await findMounts(sandbox, dataDir) : []
    const tools = await findTools()
    const name = nextName()
    await using groups = await makeOwnGroups(name, withStarters(limits, sandbox))
    const launch = {
      ...{ name, program, args, env, cwd, user, sandbox, mounts },
      groups: groups.folders,
      prlimits: prlimitOptions(limits, method.limits),
      fence: method.fence.kind,
    }
    const end = await runLaunch(launch, { ...options, graceMs }, { tools, openPipe, clock })
    if (sandbox.kind === 'container' && signal.aborted) await forgetContainer(name, log)
    const unkept = unkeptLimits(limits, method.limits, user?.uid ?? process.geteuid?.())
    return { ...end, met: await groups.met(), unkept }
  }

  return {
    method,
    run,
    endLeftovers: async () => void (await endLeftovers(method, clock, { own: false })),
    [Symbol.asyncDispose]: () => forgetFacts(facts),
  }
}

/** If podman was killed, it has not done that itself; the first attempt then only notes that the container has ended. */
async function forgetContainer(name: string, log: Log): Promise<void> {
  const remove = (): Promise<string> =>
    exec(['podman', 'rm', '--force', '--ignore', '--time=0', `plexd-${name}`])
  await remove()
    .catch(remove)
    .catch((error: unknown) =>
      log.warn('container cannot be removed', { name, error: describeError(error) }),
    )
}

/** A sandbox has two processes of its own. */
function withStarters(limits: ContainLimits, { kind }: Sandbox): ContainLimits {
  if (kind === 'none' || limits.pids === undefined) return limits
  return { ...limits, pids: limits.pids + 2 }
}

function refuseShellsNames(env: Readonly<Record<string, string>>): void {
  const bad = Object.keys(env).find(
    (name) => !/^[A-Za-z_]\w*$/.test(name) || shellsNames.includes(name),
  )
  if (bad !== undefined)
    throw new Error(`give a program the variable "${bad}": a shell would change it`)
}
