import { type ChildProcess, spawn } from 'node:child_process'
import { errorCodeOf } from '../files/error-code.ts'
import { describeEnd, ended, explainExit, explainStart } from './program-end.ts'
import { ownProgram } from './replace.ts'
import { findMissing, type Tool, toolEnvironment } from './tools.ts'

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

/** Runs another build of this program, whose file is not on any PATH. */
export const execBuild = (
  file: string,
  args: readonly string[],
  options?: ExecOptions,
): Promise<string> => execAny([file, ...args], options)

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
  const { input = '', maxBytes = 64 * 1024 * 1024, signal, onSpawn } = options
  signal?.throwIfAborted()
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['pipe', options.stdoutFd ?? 'pipe', 'pipe'],
    env: toolEnvironment(),
  })
  if (child.pid !== undefined) onSpawn?.(child.pid)
  using stopping = stopInTime(child, options)
  const tooMuch = (): void => stopping.stop(`it printed more than ${maxBytes} bytes`)
  const stdout = gather(child.stdout, maxBytes, tooMuch)
  const stderr = gather(child.stderr, maxBytes, tooMuch)
  // A program may exit without reading all input; its exit code tells whether that matters.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  try {
    const exitCode = await ended(child)
    signal?.throwIfAborted()
    const stopped = stopping.reason()
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
  }
}

/** Kills it when it has taken too long, or is no longer wanted. `stop` does for another reason; the first one counts. */
function stopInTime(child: ChildProcess, { timeoutMs = 10_000, signal }: ExecOptions) {
  let reason: string | undefined
  const stop = (why: string): void => {
    reason ??= why
    child.kill('SIGKILL')
  }
  const abort = (): void => stop('it was no longer wanted')
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => stop(`it took longer than ${timeoutMs} ms`), timeoutMs)
  return {
    stop,
    reason: () => reason,
    [Symbol.dispose]() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    },
  }
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
