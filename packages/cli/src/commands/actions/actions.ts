import { type Execution, ExecutionStatus, formatNode, hasEnded } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { type Admin, addCall, addList, nodeArgument } from '../../command.ts'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels, printDone, printItem, printText } from '../../terminal/output.ts'
import { requesterOf } from './requester.ts'
import { addActionFlags, addManyFlags, type RunFlags } from './run-flags.ts'
import { addRunsCommands, refuseManyFlags, runOnMany } from './runs.ts'
import { addScheduleCommands } from './schedules.ts'
import { waitForExecution } from './wait.ts'

export function addActionCommands(program: Command, context: Context): void {
  const { io, connect } = context
  const action = program
    .command('action')
    .description('actions on nodes and their executions')
    .addHelpText('after', examples('plexctl action run web-01 health.check --wait'))

  const run = action
    .command('run')
    .description('run an action on a node, or on many')
    .usage('[options] (<node> | --selector <selector> | --node <node>...) <action>')
    .argument('<node>', 'id or hostname; left out with --selector or --node')
    .argument('[action]', 'one that `node show` lists')
  addManyFlags(addActionFlags(run))
    .option('--wait', 'until it has ended; the exit code is 0 for success, 1 otherwise')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl action run web-01 health.check',
        'plexctl action run web-01 system.info --timeout 1m --wait',
        'plexctl action run --selector env=prod health.check --max-parallel 20 --max-failures 2 --wait',
        'plexctl action run --node web-01 --node web-02 system.info --canary 1 --healthy-within 2m',
      ),
    )
    .action(async (first: string, second: string | undefined, flags: Flags) => {
      const isForMany = flags.selector !== undefined || flags.node !== undefined
      const [node, name] = isForMany ? [undefined, first] : [first, second]
      if (name === undefined) return run.error("error: missing required argument 'action'")
      if (node === undefined) {
        if (second !== undefined)
          return run.error(
            `error: with --selector or --node there is only an action: which of "${first}" and "${second}" is it?`,
          )
        return runOnMany(context, name, flags)
      }
      refuseManyFlags(flags)
      const { admin } = await connect()
      const { body: started } = await admin.runAction({
        params: { node },
        body: {
          action: name,
          parameters: flags.param,
          timeout: flags.timeout,
          expires: flags.expires,
        },
      })
      if (!flags.wait) {
        const text = `${startOf(started)}; see "plexctl action show ${started.id}"`
        return printDone(io, started, { json: flags.json, text })
      }
      const ended = await waitForExecution(admin, started, io)
      printExecution(io, ended, flags.json)
      if (ended.status !== 'success') throw new CliError(failureOf(ended))
    })

  addList(action, context, {
    description: 'list the executions of a node, newest first',
    args: [nodeArgument],
    flags: (command) => command.addOption(statusOption()),
    examples: ['plexctl action list web-01', 'plexctl action list web-01 --status queued'],
    items: (admin: Admin, node: string, { status }: { status?: ExecutionStatus }) =>
      allPages((page) =>
        admin.listExecutions({ params: { node }, query: { ...page, ...(status && { status }) } }),
      ),
    columns: [
      ['id', ({ id }) => id],
      ['action', (item) => item.action],
      ['status', statusOf],
      ['exit', ({ exit_code }) => String(exit_code ?? '-')],
      ['duration', ({ duration }) => duration || '-'],
      ['created', ({ created_at }) => ageOf(created_at, io)],
    ],
  })

  addCall(action, context, {
    name: 'show',
    description: 'show one execution',
    args: [['<execution>', 'its id']],
    examples: ['plexctl action show exec_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.getExecution({ params: { execution_id: id } }),
    print: (execution, json) => printExecution(io, execution, json),
  })

  addCall(action, context, {
    name: 'cancel',
    description: 'cancel an execution; one that its node runs ends when the node says so',
    args: [['<execution>', 'its id']],
    examples: ['plexctl action cancel exec_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.cancelExecution({ params: { execution_id: id } }),
    text: ({ id, message }) => `${id}: ${message}`,
  })

  addRunsCommands(action, context)
  addScheduleCommands(action, context)
}

function statusOption(): Option {
  return new Option('--status <status>', 'only those with this status').choices(
    ExecutionStatus.enum,
  )
}

function startOf({ id, status, ahead = 0 }: Execution): string {
  return status === 'queued' ? `queued ${id}, ${ahead} before it` : `started ${id}`
}

/** With what it does not say: that the node was told to end it, or that its result came late. */
function statusOf({ status, late, ahead, cancel_requested_at }: Execution): string {
  if (late) return `${status} (late)`
  if (status === 'accepted' && cancel_requested_at !== null) return `${status} (cancelling)`
  return ahead === undefined ? status : `${status} (behind ${ahead})`
}

interface Flags extends RunFlags {
  wait?: boolean
  json?: boolean
}

function printExecution(io: Io, execution: Execution, json: boolean | undefined): void {
  printItem(io, execution, { json, lines: describeExecution })
  if (json) return
  for (const stream of ['stdout', 'stderr'] as const) {
    if (execution[stream] === '') continue
    io.stdout.write(`${stream}:\n`)
    printText(io, execution[stream])
  }
}

function describeExecution(execution: Execution): Record<string, string> {
  const { triggered_by } = execution
  return {
    id: execution.id,
    node: formatNode(execution.node_id, execution.node_hostname),
    run: execution.run_id ?? '',
    action: execution.action,
    parameters: formatLabels(execution.parameters),
    status: statusOf(execution),
    reason: execution.reason,
    'exit code': String(execution.exit_code ?? ''),
    timeout: execution.timeout,
    duration: execution.duration,
    'triggered by': requesterOf(triggered_by),
    created: execution.created_at,
    sent: execution.sent_at ?? '',
    accepted: execution.status === 'rejected' ? '' : (execution.acked_at ?? ''),
    'cancel asked': execution.cancel_requested_at ?? '',
    expires: hasEnded(execution.status) ? '' : execution.expires_at,
    finished: execution.finished_at ?? '',
  }
}

function failureOf({ id, action, status, reason, exit_code }: Execution): string {
  const why = reason || (exit_code === null ? '' : `exit code ${exit_code}`)
  return [`run action "${action}": execution "${id}" ended with "${status}"`, why]
    .filter(Boolean)
    .join(': ')
}
