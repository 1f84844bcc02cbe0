import { type Severity, severities } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { collectText, countFlag, selectorFlag } from '../../terminal/input.ts'
import { momentFlag, momentOf } from '../../terminal/moment.ts'

/** Of which nodes, from when, and how it is printed: the same for logs, audit records and metrics. */
export interface NodeFlags {
  selector?: string
}

export interface TimeFlags {
  since?: string
  until?: string
}

export interface OutputFlags {
  json?: boolean
  output?: 'text' | 'json'
}

export interface RecordFlags extends NodeFlags, TimeFlags, OutputFlags {
  follow?: boolean
  tail?: number
  unit?: string[]
  severity?: Severity
  type?: string[]
  grep?: string
}

export function addNodeFlags(command: Command): Command {
  return command
    .argument('[node]', 'id or hostname')
    .option(
      '-l, --selector <selector>',
      'all nodes that it matches; "*" for every node',
      selectorFlag,
    )
}

export function addTimeFlags(command: Command): Command {
  return command
    .option(
      '--since <time>',
      'from then on: 1h, 2d, yesterday, 10:30, "2026-01-02 10:00"',
      momentFlag,
    )
    .option('--until <time>', 'up to then', momentFlag)
}

export function addOutputFlags(command: Command, json: string): Command {
  return command
    .option('--json', json)
    .addOption(
      new Option('-o, --output <form>', 'json is the same as --json').choices(['text', 'json']),
    )
}

/** Those of `logs` and `audit nodes`. */
export function addRecordFlags(command: Command): Command {
  addTimeFlags(addNodeFlags(command))
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('-n, --tail <count>', 'only the last of them', countFlag)
    .option('--grep <text>', 'only with this text in them, in upper or lower case')
  return addOutputFlags(command, 'print a JSON object on a line for each record')
}

export function addLogFlags(command: Command): Command {
  return command
    .option(
      '--unit <unit>',
      'only of this unit, or this file by its path; may be repeated',
      collectText,
    )
    .addOption(
      new Option(
        '--severity <severity>',
        `only this and worse: ${severities.join(', ')}`,
      ).argParser(severityFlag),
    )
}

/** The nodes as the admin API wants them. Throws a CliError where none are named, or both ways at once. */
export function nodesOf(
  node: string | undefined,
  { selector }: NodeFlags,
): { node?: string; selector?: string } {
  if (node !== undefined && selector !== undefined)
    throw new CliError('want a node or --selector, not both', exitCodes.usage)
  if (node !== undefined) return { node }
  if (selector !== undefined) return { selector }
  throw new CliError(
    'no node given: name one, or several with --selector SELECTOR ("*" for every node)',
    exitCodes.usage,
  )
}

/** The times as the admin API wants them. Throws a CliError where the end comes before the beginning. */
export function timesOf(
  { since, until }: TimeFlags,
  nowMs: number,
): { since?: string; until?: string } {
  const [from, to] = [since, until].map((text) => text && momentOf(text, nowMs))
  if (from && to && from > to)
    throw new CliError(`--since ${since} is later than --until ${until}`, exitCodes.usage)
  return {
    ...(from ? { since: new Date(from).toISOString() } : {}),
    ...(to ? { until: new Date(to).toISOString() } : {}),
  }
}

export function isJson({ json, output }: OutputFlags): boolean {
  return json === true || output === 'json'
}

/** As syslog and the Go agent say it. */
const otherWords: Readonly<Record<string, Severity>> = {
  err: 'error',
  crit: 'error',
  warning: 'warn',
  notice: 'info',
}

function severityFlag(text: string): Severity {
  const word = text.toLowerCase()
  const severity = severities.find((known) => known === word) ?? otherWords[word]
  if (severity === undefined) throw new InvalidArgumentError(`Want ${severities.join(', ')}.`)
  return severity
}
