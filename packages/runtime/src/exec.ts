import {
  type ChildProcess,
  type SpawnOptionsWithStdioTuple,
  type StdioNull,
  type StdioPipe,
  spawn,
} from 'node:child_process'
import { describeError } from './log.ts'
import { describeMissing, findMissing, installTool, type Tool, toolPath } from './tools.ts'

export interface ExecOptions {
  /** Written to stdin, which is closed behind it. */
  input?: string
  /** The program is killed after this long; 10 s when left out. */
  timeoutMs?: number
  /** What stdout and stderr may hold each, so that a mad program cannot fill the memory; 64 MiB when left out. */
  maxBytes?: number
  signal?: AbortSignal
  /** Where stdout goes instead of the result, which then is empty. */
  stdoutFd?: number
  /** Told the process id as soon as there is one. */
  onSpawn?: (pid: number) => void
}

/** A program that could not be started, failed, took too long or said too much. */
export class ExecError extends Error {
  override name = 'ExecError'
  /** `undefined` when it did not end by itself. */
  readonly exitCode: number | undefined
  readonly stderr: string
  /** What it printed before it failed. */
  readonly stdout: string
  /** There is no such program. */
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

/** What runs programs, passed in where a test runs them elsewhere or not at all. */
export type Exec = typeof exec

/** Runs a program to its end, without a shell, and returns what it printed. Throws an ExecError that quotes its last words. */
export function exec(
  command: readonly [Tool, ...string[]],
  options: ExecOptions = {},
): Promise<string> {
  return execAny(command, options)
}

/** Starts one that goes on; whoever started it ends it. */
export function spawnTool(
  [program, ...args]: readonly [Tool, ...string[]],
  options: SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, StdioNull>,
) {
  return spawn(program, args, { ...options, env: environment() })
}

/** Starts one that outlives us, and says nothing. It has no home in which to leave files. */
export function spawnForGood(
  [program, ...args]: readonly [Tool, ...string[]],
  { title, stdinFd }: { title: string; stdinFd: number },
): ChildProcess {
  const child = spawn(program, args, {
    argv0: title,
    cwd: '/',
    env: { PATH: toolPath(), HOME: '/proc' },
    stdio: [stdinFd, 'ignore', 'ignore'],
    detached: true,
  })
  child.on('error', () => {}) // then it has no process id
  child.unref()
  return child
}

/** Why a program could not be started, or ended with a code. */
export async function explainExit(command: readonly string[], why: string): Promise<string> {
  const missing = await findMissing(command)
  return missing ? `${describeMissing(missing)}: ${installTool(missing)}` : why
}

/** `exec` for tests, which run programs that ours never do. */
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
  // A program may end without reading all; its exit code tells whether that matters.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  try {
    const exitCode = await ended(child)
    signal?.throwIfAborted()
    if (exitCode === 0 && stopped === undefined) return stdout()
    const end = stopped ?? describeEnd(exitCode, child.signalCode)
    // What a program says that could not start another.
    const missing = exitCode === 127 ? await findMissing(command) : undefined
    throw failure(command, missing ? await explainExit(command, end) : end, {
      exitCode: exitCode ?? undefined,
      missing: missing !== undefined,
      stderr: stderr().trim(),
      stdout: stdout(),
    })
  } catch (error) {
    if (error instanceof ExecError || signal?.aborted) throw error
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const why = describeError(error)
    throw failure(command, missing ? await explainExit(command, why) : why, { missing })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
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

/** The exit code, or null after a signal. Rejects when the program could not be started. */
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

/** One line of at most 400 characters: a log line must not carry a thousand echoed rules. */
function shorten(words: string): string {
  const line = words.replace(/\s+/g, ' ')
  return line.length > 400 ? `${line.slice(0, 400)}...` : line
}
