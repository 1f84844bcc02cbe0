import { ApiError } from '@plexd/protocol'
import { type Command, CommanderError } from 'commander'
import { describeError } from '../log/log.ts'
import { escapeJson, printable } from '../text/printable.ts'
import { refuseUnknownHelp, tellWhere } from './unknown-command.ts'

/** Exit codes that scripts can rely on. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  unreachable: 5,
  /** By Ctrl-C, as shells have it for a program that the signal ends. */
  interrupted: 130,
} as const

/** A failure to show to the person at the terminal: what was tried, why it failed, what to type next. */
export class CliError extends Error {
  readonly exitCode: number
  /** What to type, where the message ends with that. */
  readonly remedy: string | undefined

  constructor(
    message: string,
    exitCode: number = exitCodes.failed,
    { remedy, ...options }: { cause?: unknown; remedy?: string | undefined } = {},
  ) {
    super(message, options)
    this.remedy = remedy
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

/** Runs a program and sets its exit code; prints failures as one line on stderr, never a stack trace. */
export async function runCli(
  program: Command,
  argv: readonly string[],
  { explain, whereIs }: Knowledge = {},
): Promise<void> {
  // SIGUSR1 makes Node open its debugger, unless there is a listener.
  process.on('SIGUSR1', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that stops early (head, less) is not a failure.
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
    process.exitCode = report(
      new CliError('write output', exitCodes.failed, { cause: error }),
      program.name(),
    )
  })
  speakAsOne(program, program.name(), program.name())
  if (whereIs) tellWhere(program, whereIs)
  refuseUnknownHelp(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(explain ? await explain(error) : error, program.name())
  }
}

/** What a program knows of what people try. */
export interface Knowledge {
  /** May say more of a failure. */
  explain?(error: unknown): Promise<unknown>
  /** Where a command is that this program does not have. */
  whereIs?(command: string): string | undefined
}

/** Makes all commands of a program report errors with its name in front and a pointer to their help, and throw instead of exiting. */
function speakAsOne(command: Command, program: string, path: string): void {
  command
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, `${program}:`)),
    })
    .showHelpAfterError(`See "${path} --help".`)
  for (const child of command.commands) speakAsOne(child, program, `${path} ${child.name()}`)
}

function report(error: unknown, name: string): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  // One line without control characters: parts of it may come from the other side.
  process.stderr.write(`${name}: ${printable(describeError(error).replace(/\s*\n\s*/g, ' '))}\n`)
  return exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode
  if (error instanceof ApiError) {
    if (error.status === 404) return exitCodes.notFound
    if (error.status === 401 || error.status === 403) return exitCodes.denied
    if (error.status === 400 || error.status === 413) return exitCodes.usage
    if (error.status === 503) return exitCodes.unreachable
  }
  return exitCodes.failed
}

/** Pretty-printed JSON and a newline, on stdout by default. */
export function printJson(
  value: unknown,
  output: { write(text: string): unknown } = process.stdout,
): void {
  output.write(`${jsonText(value, 2)}\n`)
}

/** JSON that is safe on a terminal. */
export function jsonText(value: unknown, indent = 0): string {
  return escapeJson(JSON.stringify(value ?? null, null, indent))
}
