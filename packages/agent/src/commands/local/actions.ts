import type { LocalAction, LocalResult, LocalRun } from '@plexd/protocol'
import { CliError, createLog, formatTable, printableLines, printJson } from '@plexd/runtime'
import { type Flags, type Json, loadConfigFor } from '../given/flags.ts'
import { adviceOf, callLocal, type LocalCallOptions } from './local.ts'

const advice = {
  ...adviceOf,
  403: ': run this as root',
  503: '',
  404: ': "plexd actions list" shows those that there are',
  409: '',
}

/** In a session of an operator its token counts, whoever this runs as; and the daemon says what that allows. */
function asCaller(timeoutMs?: number): [typeof advice, LocalCallOptions] {
  const token = process.env.PLEXD_SESSION_TOKEN || undefined
  return [token === undefined ? advice : { ...advice, 403: '' }, { timeoutMs, token }]
}

export async function listActions(flags: Flags, { json }: Json): Promise<void> {
  const { body } = await callLocal(
    flags,
    'list actions',
    (client) => client.listActions({}),
    ...asCaller(),
  )
  if (json) printJson(body)
  else process.stdout.write(formatActions(body))
}

export function formatActions(actions: readonly LocalAction[]): string {
  if (actions.length === 0) return 'no actions\n'
  const rows = actions.map(({ name, type, parameters, timeout, description }) => {
    const names = parameters.map(({ name, required, default: preset }) =>
      required && preset === undefined ? name : `[${name}]`,
    )
    return [name, type, names.join(' ') || '-', timeout, description]
  })
  return formatTable(['action', 'type', 'parameters', 'timeout', 'description'], rows)
}

interface Given extends Json {
  action: string
  param?: Record<string, string>
  timeout?: string
  local?: boolean
}

/** Prints what the action printed. Its failure is ours. */
export async function runAction(flags: Flags, given: Given): Promise<void> {
  const { action, param, timeout } = given
  const run: LocalRun = {
    action,
    ...(param ? { parameters: param } : {}),
    ...(timeout === undefined ? {} : { timeout }),
  }
  const result = given.local ? await runHere(flags, run) : await runByDaemon(flags, run)
  if (given.json) printJson(result)
  else printOutput(result)
  if (result.status !== 'success')
    throw new CliError(`run "${action}": ${result.status}, exit code ${result.exit_code}`)
}

async function runByDaemon(flags: Flags, run: LocalRun): Promise<LocalResult> {
  const { maxActionMs } = await loadConfigFor(flags)
  const { body } = await callLocal(
    flags,
    `run "${run.action}"`,
    (client) => client.runAction({ body: run }),
    ...asCaller(maxActionMs + patienceMs),
  )
  return body
}

/** An action that has been cancelled has some time to end. */
const patienceMs = 60_000

async function runHere(flags: Flags, run: LocalRun): Promise<LocalResult> {
  const config = await loadConfigFor(flags)
  const { runAlone } = await import('../../standalone/run-alone.ts')
  return runAlone(config, run, createLog('plexd', config.logLevel))
}

function printOutput({ stdout = '', stderr = '' }: LocalResult): void {
  process.stdout.write(process.stdout.isTTY ? printableLines(stdout) : stdout)
  process.stderr.write(process.stderr.isTTY ? printableLines(stderr) : stderr)
}
