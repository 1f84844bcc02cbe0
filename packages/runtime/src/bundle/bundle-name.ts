import { hostname } from 'node:os'
import { parseDuration } from '@plexd/protocol'
import { CliError, exitCodes } from '../cli/cli.ts'
import { describeError } from '../log/log.ts'

/** Of a bundle and the folder in it: what it is, the machine, and the time as `20260310T120000Z`. */
export function bundleName(what: string, nowMs: number): string {
  return `${what}-${hostname()}-${new Date(nowMs).toISOString().replace(/\.\d+|[-:]/g, '')}`
}

/** How far back a log goes, in milliseconds. Throws a CliError that names the option. */
export function readSince(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new CliError(`--since "${text}": ${describeError(error)}`, exitCodes.usage)
  }
}
