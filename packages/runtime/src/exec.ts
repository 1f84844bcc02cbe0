import { type ChildProcess, spawn } from 'node:child_process'
import { describeError } from './log.ts'

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
export async function exec(
  command: readonly [string, ...string[]],
  options: ExecOptions = {},
): Promise<string> {
  const { input = '', timeoutMs = 10_000, maxBytes = 64 * 1024 * 1024, signal, onSpawn } = options
  signal?.throwIfAborted()
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['pipe', options.stdoutFd ?? 'pipe', 'pipe'],
    env: { ...process.env, PATH: withSystemFolders(process.env.PATH) },
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
    const why = stopped ?? describeEnd(exitCode, child.signalCode)
    throw failure(command, why, {
      exitCode: exitCode ?? undefined,
      stderr: stderr().trim(),
      stdout: stdout(),
    })
  } catch (error) {
    if (error instanceof ExecError || signal?.aborted) throw error
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw failure(command, describeError(error), { missing })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** Behind all others: the tools of the network are in folders that not every user has on his path. */
function withSystemFolders(path = '/usr/local/bin:/usr/bin:/bin'): string {
  const known = path.split(':')
  return [...known, ...['/usr/sbin', '/sbin'].filter((folder) => !known.includes(folder))].join(':')
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
