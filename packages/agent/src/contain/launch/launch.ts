import type { Tool } from '@plexd/runtime'
import { unshareOptions } from '../groups/find-facts.ts'
import type { Fence } from '../groups/method.ts'
import type { LaunchTools } from './launch-tools.ts'
import { bwrapOptions, podmanOptions, type SandboxedProgram } from './sandbox.ts'
import type { SandboxMount } from './sandbox-mounts.ts'
import { userOptions } from './user.ts'

export interface Launch extends SandboxedProgram {
  args: readonly string[]
  env: Readonly<Record<string, string>>
  /** The folders of the control groups that it is put into. */
  groups: readonly string[]
  /** Of prlimit(1). */
  prlimits: readonly string[]
  /** What its processes are held together by. */
  fence: Fence['kind']
  /** What a sandbox sees otherwise. */
  mounts: readonly SandboxMount[]
  /** Of podman(1). */
  ulimits: readonly string[]
}

/** Puts itself into the control groups, then becomes the program. Says so on descriptor 3 if it cannot. */
const enterScript = `
while [ "$1" != -- ]; do
  echo 0 >"$1/cgroup.procs" || { echo "$1" >&3; exit 125; }
  shift
done
shift
exec 3>&-
exec "$@"`

/**
 * Whatever the first process of a PID namespace is, the kernel gives it no signal that it does not expect; hence not the program.
 * What a shell runs in the background reads /dev/null, unless it is given another descriptor.
 */
const initScript = 'exec 4<&0; "$@" <&4 4<&- & wait "$!"'

/** The whole command, in front of all of which stands the shell. Throws if a program that it needs is not installed. Pure. */
export function launchCommand(launch: Launch, tool: LaunchTools): readonly [Tool, ...string[]] {
  const { groups, prlimits, args, sandbox } = launch
  // A container has them from podman, which sets its own in place of those that it is started with.
  const isLimited = prlimits.length > 0 && sandbox.kind !== 'container'
  return [
    ...(['sh', '-c', enterScript, 'plexd-launch'] as const),
    ...groups,
    '--',
    ...(isLimited ? [tool('prlimit'), ...prlimits, '--'] : []),
    ...namespaceCommand(launch, tool),
    ...programCommand(launch, tool),
    ...args,
  ]
}

/** Ends with us, if no control group is left in which the next start finds it. */
function namespaceCommand({ fence, sandbox }: Launch, tool: LaunchTools): string[] {
  if (fence === 'cgroup' || sandbox.kind === 'namespaced') return []
  const withUs = [tool('setpriv'), '--pdeathsig=KILL', '--']
  // podman looks for its processes where it is, and a container has a PID namespace of its own.
  if (fence === 'session' || sandbox.kind === 'container') return withUs
  const init = [tool('sh'), '-c', initScript, 'plexd-init']
  return [...withUs, tool('unshare'), ...unshareOptions(), '--', ...init]
}

function programCommand(launch: Launch, tool: LaunchTools): string[] {
  const { program, sandbox, user, mounts, env, ulimits } = launch
  if (sandbox.kind === 'container')
    return [tool('podman'), ...podmanOptions(launch, { names: Object.keys(env), mounts, ulimits })]
  return [
    ...(sandbox.kind === 'namespaced' ? [tool('bwrap'), ...bwrapOptions(launch, mounts)] : []),
    ...(user ? [tool('setpriv'), ...userOptions(user), '--'] : []),
    tool('env'),
    ...shellsNames.map((name) => `--unset=${name}`),
    '--',
    program,
  ]
}

/** The shell adds them to the environment. */
export const shellsNames = ['PWD', 'OLDPWD', 'SHLVL', '_']
