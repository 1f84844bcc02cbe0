import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { errorCodeOf } from './error-code.ts'
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

/**
 * Runs one that goes on until it is no longer wanted, and hands on its lines. Resolves to why it ended, also where it
 * could not be started, as without a free descriptor, or where what reads the lines throws.
 */
export async function followTool(
  command: readonly [Tool, ...string[]],
  { signal, onStart, onLine }: FollowOptions,
): Promise<string> {
  const [program, ...args] = command
  const stop = new AbortController()
  try {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environment(),
      signal: AbortSignal.any([signal, stop.signal]),
    })
    child.once('spawn', onStart)
    const end = ended(child)
    // It has no output where there was no descriptor for it.
    const reading = child.stdout ? readLines(child.stdout, onLine) : end
    const [exitCode] = await Promise.all([end, reading])
    return await explainExit(command, describeEnd(exitCode, child.signalCode))
  } catch (error) {
    return await explainStart(command, error)
  } finally {
    stop.abort()
  }
}

interface FollowOptions {
  signal: AbortSignal
  onStart(): void
  onLine(line: string): void
}

async function readLines(from: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface(from)) onLine(line)
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
  if (code === 'EMFILE') return `${why}: no file descriptor is left: raise LimitNOFILE of the unit`
  return code === 'ENOENT' ? explainExit(command, why) : why
}

/** Why it ended with a code, which may be that of one that could not start another. */
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
