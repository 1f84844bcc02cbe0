import { type Execution, formatNode } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Admin, addCall, addList, nodeArgument } from '../../command.ts'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { collectPair, durationFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels, printDone, printItem, printText } from '../../terminal/output.ts'
import { waitForExecution } from './wait.ts'

export function addActionCommands(program: Command, context: Context): void {
  const { io, connect } = context
  const action = program
    .command('action')
    .description('actions on nodes and their executions')
    .addHelpText('after', examples('plexctl action run web-01 health.check --wait'))

  action
    .command('run')
    .description('run an action on a node')
    .argument('<node>', 'id or hostname')
    .argument('<action>', 'one that `node show` lists')
    .option('--param <key=value>', 'parameter; may be repeated', collectPair)
    .option('--timeout <duration>', 'how long it may run (default 30s)', durationFlag)
    .option('--wait', 'until it has ended; the exit code is 0 for success, 1 otherwise')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl action run web-01 health.check',
        'plexctl action run web-01 system.info --timeout 1m --wait',
      ),
    )
    .action(async (node: string, name: string, flags: RunFlags) => {
      const { admin } = await connect()
      const { body: started } = await admin.runAction({
        params: { node },
        body: { action: name, parameters: flags.param, timeout: flags.timeout },
      })
      if (!flags.wait) {
        const text = `started ${started.id}; see "plexctl action show ${started.id}"`
        return printDone(io, started, { json: flags.json, text })
      }
      const ended = await waitForExecution(admin, started, io)
      printExecution(io, ended, flags.json)
      if (ended.status !== 'success') throw new CliError(failureOf(ended))
    })

  addList(action, context, {
    description: 'list the executions of a node, newest first',
    args: [nodeArgument],
    examples: ['plexctl action list web-01'],
    items: (admin: Admin, node: string) =>
      allPages((query) => admin.listExecutions({ params: { node }, query })),
    columns: [
      ['id', ({ id }) => id],
      ['action', (item) => item.action],
      ['status', ({ status }) => status],
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
}

interface RunFlags {
  param?: Record<string, string>
  timeout?: string
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
    action: execution.action,
    parameters: formatLabels(execution.parameters),
    status: execution.status,
    reason: execution.reason,
    'exit code': String(execution.exit_code ?? ''),
    timeout: execution.timeout,
    duration: execution.duration,
    'triggered by': [triggered_by.type, triggered_by.email || triggered_by.user_id]
      .filter(Boolean)
      .join(' '),
    created: execution.created_at,
    accepted: execution.acked_at ?? '',
    finished: execution.finished_at ?? '',
  }
}

function failureOf({ id, action, status, reason, exit_code }: Execution): string {
  const why = reason || (exit_code === null ? '' : `exit code ${exit_code}`)
  return [`run action "${action}": execution "${id}" ended with "${status}"`, why]
    .filter(Boolean)
    .join(': ')
}
