import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { errorCodeOf } from '../files/error-code.ts'
import { systemRemedy } from '../files/system-remedy.ts'
import { describeError } from '../log/log.ts'
import { ownProgram } from './replace.ts'
import {
  describeMissing,
  findMissing,
  findTool,
  installTool,
  type Tool,
  toolPath,
} from './tools.ts'

export interface ExecOptions {
  /** Written to stdin, which is then closed. */
  input?: string
  /** The program is killed after this time; default 10 s. */
  timeoutMs?: number
  /** Limit for stdout and stderr each, so that a runaway program cannot fill the memory; default 64 MiB. */
  maxBytes?: number
  signal?: AbortSignal
  /** Where stdout goes instead of the result, which is then empty. */
  stdoutFd?: number
  /** Called with the process id as soon as it is known. */
  onSpawn?: (pid: number) => void
}

/** A program could not be started, failed, timed out, or exceeded the output limit. */
export class ExecError extends Error {
  override name = 'ExecError'
  /** `undefined` if it did not exit by itself. */
  readonly exitCode: number | undefined
  readonly stderr: string
  /** Its output before it failed. */
  readonly stdout: string
  /** The program does not exist. */
  readonly missing: boolean

  constructor(message: string, end: ProgramEnd = {}) {
    super(message)
    this.exitCode = end.exitCode
    this.stderr = end.stderr ?? ''
    this.stdout = end.stdout ?? ''
    this.missing = end.missing ?? false
  }
}

interface ProgramEnd {
  exitCode?: number | undefined
  stderr?: string
  stdout?: string
  missing?: boolean
}

/** The function that runs programs; tests pass one that runs them elsewhere or not at all. */
export type Exec = typeof exec

/** Runs a program without a shell until it exits, and returns its output. Throws an ExecError that quotes the last line of stderr. */
export const exec: (
  command: readonly [Tool, ...string[]],
  options?: ExecOptions,
) => Promise<string> = execAny

/**
 * Runs a program until it is no longer wanted, and passes on its lines. Resolves to the reason why it ended, including
 * that it could not be started (for example without a free descriptor), or that the line handler threw.
 */
export function followTool(
  command: readonly [Tool, ...string[]],
  { onLine, ...options }: FollowOptions & { onLine(line: string): void },
): Promise<string> {
  return streamTool(command, {
    ...options,
    async onOutput(output) {
      for await (const line of createInterface(output)) onLine(line)
    },
  })
}

/** The same, for whoever reads at a pace: while nothing is taken from `output`, the program is held back. */
export async function streamTool(
  command: readonly [Tool, ...string[]],
  { signal, onStart, onOutput }: FollowOptions & { onOutput(output: Readable): Promise<void> },
): Promise<string> {
  const [program, ...args] = command
  const stop = new AbortController()
  let reading: Promise<unknown> | undefined
  try {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environment(),
      signal: AbortSignal.any([signal, stop.signal]),
    })
    child.once('spawn', onStart)
    const end = ended(child)
    // There is no output stream if no descriptor was free.
    reading = child.stdout ? onOutput(child.stdout) : end
    const [exitCode] = await Promise.all([end, reading])
    return await explainExit(command, describeEnd(exitCode, child.signalCode))
  } catch (error) {
    return await explainStart(command, error)
  } finally {
    stop.abort()
    // Whoever goes on must not meet the last of it still being read.
    await reading?.catch(() => {})
  }
}

interface FollowOptions {
  signal: AbortSignal
  onStart(): void
}

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

/** Runs another build of this program, whose file is not on any PATH. */
export const execBuild = (
  file: string,
  args: readonly string[],
  options?: ExecOptions,
): Promise<string> => execAny([file, ...args], options)

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
    env: { ...process.env, PATH: toolPath() },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    detached: true,
  })
}

/** Runs this program again until it exits, with other arguments, and returns its output. Throws as `exec`. */
export const execSelf = (
  args: readonly string[],
  isSingleFile: boolean,
  options?: ExecOptions,
): Promise<string> => execAny([process.execPath, ...ownProgram(isSingleFile), ...args], options)

/** `exec` for tests, which also run programs that ours never do. */
export async function execAny(
  command: readonly [string, ...string[]],
  options: ExecOptions = {},
): Promise<string> {
  const { input = '', timeoutMs = 10_000, maxBytes = 64 * 1024 * 1024, signal, onSpawn } = options
  signal?.throwIfAborted()
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['pipe', options.stdoutFd ?? 'pipe', 'pipe'],
    env: environment(),
  })
  if (child.pid !== undefined) onSpawn?.(child.pid)
  let stopped: string | undefined
  const stop = (why: string): void => {
    stopped ??= why
    child.kill('SIGKILL')
  }
  const abort = (): void => stop('it was no longer wanted')
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => stop(`it took longer than ${timeoutMs} ms`), timeoutMs)
  const tooMuch = (): void => stop(`it printed more than ${maxBytes} bytes`)
  const stdout = gather(child.stdout, maxBytes, tooMuch)
  const stderr = gather(child.stderr, maxBytes, tooMuch)
  // A program may exit without reading all input; its exit code tells whether that matters.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  try {
    const exitCode = await ended(child)
    signal?.throwIfAborted()
    if (exitCode === 0 && stopped === undefined) return stdout()
    const end = stopped ?? describeEnd(exitCode, child.signalCode)
    // 127 is the code of env, nsenter and shells when the program to start does not exist.
    const missing = exitCode === 127 ? await findMissing(command) : undefined
    throw failure(command, missing ? await explainExit(command, end) : end, {
      exitCode: exitCode ?? undefined,
      missing: missing !== undefined,
      stderr: stderr().trim(),
      stdout: stdout(),
    })
  } catch (error) {
    if (error instanceof ExecError || signal?.aborted) throw error
    const missing = errorCodeOf(error) === 'ENOENT'
    throw failure(command, await explainStart(command, error), { missing })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

async function explainStart(command: readonly string[], error: unknown): Promise<string> {
  const why = describeError(error)
  const code = errorCodeOf(error)
  if (code === 'ENOENT') return explainExit(command, why)
  const remedy = systemRemedy(error, '')
  return remedy === '' ? why : `${why}: ${remedy}`
}

/** Why it exited with a code; the code may mean that a wrapper could not start the program. */
async function explainExit(command: readonly string[], why: string): Promise<string> {
  const missing = await findMissing(command)
  return missing ? `${describeMissing(missing)}: ${installTool(missing)}` : why
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: toolPath() }
}

function gather(stream: NodeJS.ReadableStream | null, maxBytes: number, tooMuch: () => void) {
  const chunks: Buffer[] = []
  let bytes = 0
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) tooMuch()
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString()
}

/** The exit code, or null after a signal. Rejects if the program could not be started. */
function ended(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  return promise
}

function describeEnd(exitCode: number | null, signalCode: NodeJS.Signals | null): string {
  return exitCode === null ? `it was killed by ${signalCode}` : `exit code ${exitCode}`
}

function failure(command: readonly string[], why: string, end: ProgramEnd): ExecError {
  const title = `run "${command.slice(0, 4).join(' ')}${command.length > 4 ? ' ...' : ''}"`
  const words = end.stderr ? `: ${shorten(end.stderr)}` : ''
  return new ExecError(`${title}: ${why}${words}`, end)
}

/** One line of at most 400 characters, because a log line must not carry a thousand echoed rules. */
function shorten(words: string): string {
  const line = words.replace(/\s+/g, ' ')
  return line.length > 400 ? `${line.slice(0, 400)}...` : line
}
