import { ExecutionStatus } from '@plexd/protocol'
import { type Command, Option } from 'commander'
import { type Admin, addCall, addList, nodeArgument } from '../../command.ts'
import { allPages, type Context, examples } from '../../context.ts'
import { ageOf } from '../../terminal/output.ts'
import { printExecution, statusOf } from './execution-output.ts'
import { addRunCommand } from './run-command.ts'
import { addRunsCommands } from './runs.ts'
import { addScheduleCommands } from './schedules.ts'

export function addActionCommands(program: Command, context: Context): void {
  const { io } = context
  const action = program
    .command('action')
    .description('actions on nodes and their executions')
    .addHelpText('after', examples('plexctl action run web-01 health.check --wait'))

  addRunCommand(action, context)

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
