import { type ExecFileException, execFile } from 'node:child_process'

export interface RunOptions {
  /** Written to the program's stdin, which is closed then. */
  stdin?: string
  /** The program is killed after this long; 10 s when left out. */
  timeoutMs?: number
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and gives what it printed; rejects with an ExecError. Passed in, so that tests can pass a fake. */
export type Run = (argv: readonly string[], options?: RunOptions) => Promise<string>

/** A program that could not be started, failed, or took too long. */
export class ExecError extends Error {
  /** Undefined when the program did not end by itself: it is missing, or was killed. */
  readonly exitCode: number | undefined
  readonly stderr: string

  constructor(message: string, details: { exitCode: number | undefined; stderr: string }) {
    super(message)
    this.name = 'ExecError'
    this.exitCode = details.exitCode
    this.stderr = details.stderr
  }
}

/** More output than this is an error. */
const maxOutputBytes = 64 * 1024 * 1024

export const run: Run = ([program = '', ...args], { stdin = '', timeoutMs = 10_000, env } = {}) =>
  new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: maxOutputBytes,
        ...(env ? { env: { ...process.env, ...env } } : {}),
      },
      (error, stdout, stderr) => {
        if (error) reject(failure([program, ...args], error, stderr))
        else resolve(stdout)
      },
    )
    // A program that ends without reading its input says why by its exit code.
    child.stdin?.on('error', () => {})
    child.stdin?.end(stdin)
  })

function failure(argv: readonly string[], error: ExecFileException, stderr: string): ExecError {
  const exitCode = typeof error.code === 'number' ? error.code : undefined
  return new ExecError(`run "${shorten(argv.join(' '))}": ${reason(error, exitCode, stderr)}`, {
    exitCode,
    stderr,
  })
}

function reason(error: ExecFileException, exitCode: number | undefined, stderr: string): string {
  if (error.code === 'ENOENT') return 'the program is not installed'
  const [firstLine = ''] = stderr.trim().split('\n')
  if (exitCode !== undefined) return firstLine === '' ? `exit code ${exitCode}` : firstLine
  return error.killed ? 'took too long' : `${error.code ?? error.signal ?? error.message}`
}

/** A batch names every peer; its beginning is enough to know it by. */
function shorten(command: string): string {
  return command.length > 120 ? `${command.slice(0, 120)}…` : command
}
