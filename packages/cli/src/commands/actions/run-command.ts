import { type Execution, whyEnded } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import type { Command } from 'commander'
import { custom } from '../../command.ts'
import type { Context } from '../../context.ts'
import { printDone, printWarnings } from '../../terminal/output.ts'
import { printExecution } from './execution-output.ts'
import { addActionFlags, addManyFlags, type RunFlags } from './run-flags.ts'
import { refuseManyFlags, runOnMany } from './runs.ts'
import { waitForExecution } from './wait.ts'

/** `action run`, on one node or on many. */
export const runCommand = custom({
  name: 'run',
  description: 'run an action on a node, or on many',
  args: [
    ['<node>', 'id or hostname; left out with --selector or --node'],
    ['[action]', 'one that `node show` lists'],
  ],
  flags: (command) =>
    addManyFlags(addActionFlags(command))
      .usage('[options] (<node> | --selector <selector> | --node <node>...) <action>')
      .option('--wait', 'until it has ended; the exit code is 0 for success, 1 otherwise'),
  examples: [
    'plexctl action run web-01 health.check',
    'plexctl action run web-01 system.info --timeout 1m --wait',
    'plexctl action run --selector env=prod health.check --max-parallel 20 --max-failures 2 --wait',
    'plexctl action run --node web-01 --node web-02 system.info --canary 1 --healthy-within 2m',
  ],
  run(context: Context, first: string, second: string | undefined, flags: Flags, typed: Command) {
    const isForMany = flags.selector !== undefined || flags.node !== undefined
    const [node, name] = isForMany ? [undefined, first] : [first, second]
    if (name === undefined) return typed.error("error: missing required argument 'action'")
    if (node !== undefined) return runOnOne(context, { node, action: name }, flags)
    if (second !== undefined)
      return typed.error(
        `error: with --selector or --node there is only an action: which of "${first}" and "${second}" is it?`,
      )
    return runOnMany(context, name, flags)
  },
})

interface Flags extends RunFlags {
  wait?: boolean
  json?: boolean
}

async function runOnOne(
  { io, connect }: Context,
  { node, action }: { node: string; action: string },
  flags: Flags,
): Promise<void> {
  refuseManyFlags(flags)
  const { param, timeout, expires, wait, json } = flags
  const { admin } = await connect()
  const { body: started } = await admin.runAction({
    params: { node },
    body: { action, parameters: param, timeout, expires },
  })
  if (!wait) {
    const text = `${startOf(started)}; see "plexctl action show ${started.id}"`
    return printDone(io, started, { json, text })
  }
  if (!json) printWarnings(io, started.warnings)
  const ended = await waitForExecution(admin, started, io)
  printExecution(io, ended, json)
  if (ended.status !== 'success') throw new CliError(failureOf(ended))
}

function startOf({ id, status, ahead = 0 }: Execution): string {
  return status === 'queued' ? `queued ${id}, ${ahead} before it` : `started ${id}`
}

function failureOf(ended: Execution): string {
  const { id, action, status, reason } = ended
  // The wire contract's words, of which the node has told more.
  const more = reason === 'integrity violation' ? 'see "plexctl violation list"' : ''
  return [`run action "${action}": execution "${id}" ended with "${status}"`, whyEnded(ended), more]
    .filter(Boolean)
    .join(': ')
}
