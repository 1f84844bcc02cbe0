import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { compileCache, type ProgramName } from './build.ts'
import { commandsOfBundles, commandsOfSingleFiles } from './commands.ts'

/** How each program is started here: as users run it from the sources, or as they run what was built of them. */
const commands =
  process.env.PLEXD_PROGRAMS === 'single-files'
    ? await commandsOfSingleFiles()
    : await commandsOfBundles()

export interface Output {
  code: number
  stdout: string
  stderr: string
}

/** A program that runs. It dies with the process that started it. */
export interface RunningProgram {
  readonly child: ChildProcess
  readonly pid: number
  /** Its stderr, and that of other runs with the same file. */
  log(): Promise<string>
  /** Sends the signal and waits for the end; does nothing if it has ended already. */
  end(signal?: NodeJS.Signals): Promise<void>
}

export interface LaunchOptions {
  /** Its stderr is appended to this file. */
  logFile: string
  env?: Readonly<Record<string, string>>
  /** A command that runs the program, as `nsenter --target 1234 --mount`. */
  prefix?: readonly string[]
  /** A single-file build, instead of the program in the sources. */
  file?: string | undefined
}

/** Starts a program of ours; its stdout is for the caller to read. */
export function launch(
  name: ProgramName,
  args: readonly string[],
  { logFile, env = {}, prefix = [], file }: LaunchOptions,
): RunningProgram {
  const log = openSync(logFile, 'a')
  // In a group of its own: Ctrl-C must reach only the starter, which then ends its programs in order.
  const program = file === undefined ? commandOf(name, args) : [file, ...args]
  const [command = '', ...rest] = [...dieWithParent, ...prefix, ...program]
  const child = spawn(command, rest, {
    env: { ...process.env, ...compileCache, ...env },
    stdio: ['ignore', 'pipe', log],
    detached: true,
  })
  closeSync(log)
  const ended = once(child, 'exit')
  return {
    child,
    pid: child.pid ?? 0,
    log: () => readFile(logFile, 'utf8'),
    async end(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      const force = setTimeout(() => child.kill('SIGKILL'), 8_000)
      await ended
      clearTimeout(force)
    },
  }
}

const dieWithParent = ['setpriv', '--pdeathsig', 'KILL', '--']

/** Runs a program of ours to its end. */
export function runProgram(
  name: ProgramName,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdin = '',
): Promise<Output> {
  const [command = '', ...rest] = commandOf(name, args)
  return runToEnd(command, rest, { ...compileCache, ...environment }, stdin)
}

/** Any command to its end; the code is -1 when a signal ended it. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdin = '',
): Promise<Output> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // The command may end without reading its input.
  child.stdin.on('error', () => undefined).end(stdin)
  const [code] = await once(child, 'close')
  return { code: code === null ? -1 : Number(code), stdout, stderr }
}

/** The command line of a program of ours, for starting it in another way. */
export function commandOf(name: ProgramName, args: readonly string[]): string[] {
  return [...commands[name], ...args]
}
