import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { ownProgram } from './replace.ts'
import {
  describeMissing,
  findTool,
  installTool,
  type Tool,
  toolEnvironment,
  toolPath,
} from './tools.ts'

/** Starts a program that outlives us, without output and without a HOME in which it could leave files. */
export function spawnForGood(
  [program, ...args]: readonly [Tool, ...string[]],
  { title, stdinFd }: { title?: string | undefined; stdinFd: number },
): ChildProcess {
  const child = spawn(program, args, {
    argv0: title ?? program,
    cwd: '/',
    env: { PATH: toolPath(), HOME: '/proc' },
    stdio: [stdinFd, 'ignore', 'ignore'],
    detached: true,
  })
  child.on('error', () => {}) // reported as a missing process id
  child.unref()
  return child
}

/**
 * Starts a program in a session of its own, with exactly this environment and these descriptors; the caller reads, contains and
 * ends it. `detached: false`: it makes the session itself, to have a terminal. Rejects if it is not installed.
 */
export async function spawnSession(
  [program, ...args]: readonly [Tool, ...string[]],
  options: { cwd: string; env: NodeJS.ProcessEnv; stdio: StdioOptions; detached?: boolean },
): Promise<ChildProcess> {
  const path = await findTool(program)
  if (path === undefined) throw new Error(`${describeMissing(program)}: ${installTool(program)}`)
  const child = spawn(path, args, { detached: true, ...options })
  await once(child, 'spawn')
  return child
}

/**
 * Starts another build of this program, with our streams 0 to 2. It is killed when we end, and gets no signal but from us:
 * not those of the terminal either.
 */
export function spawnBuild(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', file, ...args], {
    env: { ...env, PATH: toolPath(env.PATH) },
    stdio: 'inherit',
    detached: true,
  })
}

/**
 * Starts this program again, with other arguments, for as long as we run: its standard error is ours, and it has a channel to
 * us on which any value can be sent. It gets no signal of the terminal.
 */
export function spawnSelf(args: readonly string[], isSingleFile: boolean): ChildProcess {
  return spawn(process.execPath, [...ownProgram(isSingleFile), ...args], {
    cwd: '/',
    env: toolEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    detached: true,
  })
}
