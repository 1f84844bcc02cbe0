import { existsSync } from 'node:fs'
import type { Clock, Tool } from '@plexd/runtime'
import { keepInheritedDescriptors } from '../process/inherited-descriptors.ts'
import { endAll, fenceOf } from './groups/fence.ts'
import { findFacts, forgetFacts } from './groups/find-facts.ts'
import { chooseMethod } from './groups/method.ts'
import { createGroupNames, endLeftovers, groupsName, makeGroups } from './groups/own-groups.ts'
import { launchCommand } from './launch/launch.ts'
import { createToolFinder } from './launch/launch-tools.ts'
import type { ProgramUser } from './launch/user.ts'

/** A program in a fence, as it is started by whoever asked for its command. */
export interface FencedCommand {
  program: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  /** Undefined: the user that we run as. */
  user: ProgramUser | undefined
}

/** One fence around programs that start one after the other and end together. */
export interface SharedFence extends AsyncDisposable {
  /** The command that starts it inside. Rejects if a program that it needs is not installed. */
  command(program: FencedCommand): Promise<readonly [Tool, ...string[]]>
  /** Is called with the process of each such command. */
  add(pid: number): void
  /** Ends all, with SIGKILL, and returns the processes that the kernel does not let end. */
  end(): Promise<number[]>
}

export type OpenSharedFence = () => Promise<SharedFence>

/** Finds out how programs are held together here, and ends those that an earlier process of ours has left. */
export async function loadSharedFence(
  dataDir: string,
  clock: Pick<Clock, 'sleep'>,
): Promise<OpenSharedFence> {
  const base = await groupsName(dataDir)
  const facts = await findFacts(base)
  const method = chooseMethod(facts)
  await endLeftovers(method, clock)
  await forgetFacts(facts)
  await keepInheritedDescriptors()
  const findTools = createToolFinder()
  const nextName = await createGroupNames()

  return async () => {
    // Whoever else ends programs of ours removes the folder when it is empty.
    await findFacts(base)
    const groups = await makeGroups(nextName(), {}, { method, clock })
    const group = method.fence.kind === 'cgroup' ? groups.folders[0] : undefined
    const pids = new Set<number>()
    let isOver = false

    async function end(): Promise<number[]> {
      const fences = group === undefined ? [...pids] : [0]
      const left = await Promise.all(fences.map((pid) => endAll(fenceOf(pid, group), clock)))
      return left.flat()
    }

    return {
      async command(program) {
        if (isOver) throw new Error('run a program: what it belongs to has ended')
        const launch = { ...program, ...unlimited, groups: groups.folders }
        return launchCommand({ ...launch, fence: method.fence.kind }, await findTools())
      },
      add: (pid) => void pids.add(pid),
      end,
      async [Symbol.asyncDispose]() {
        isOver = true
        // One that was just starting may come in when the others have ended, and then keeps the group.
        for (let round = 1; round <= 3; round++) {
          await end()
          await groups[Symbol.asyncDispose]()
          if (group === undefined || !existsSync(group)) return
        }
      },
    }
  }
}

const unlimited = {
  name: '',
  cwd: '/',
  prlimits: [],
  mounts: [],
  ulimits: [],
  sandbox: { kind: 'none', network: true, writable: [] },
} as const
