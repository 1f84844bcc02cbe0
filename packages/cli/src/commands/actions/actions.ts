import { ExecutionStatus } from '@plexd/protocol'
import { Option } from 'commander'
import { type Admin, call, list, nodeArgument, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { age } from '../../terminal/output.ts'
import { printExecution, statusOf } from './execution-output.ts'
import { runCommand } from './run-command.ts'
import { runsCommands } from './runs.ts'
import { scheduleCommands } from './schedules.ts'

export const actionCommands = noun(
  {
    name: 'action',
    description: 'actions on nodes and their executions',
    examples: ['plexctl action run web-01 health.check --wait'],
  },
  runCommand,
  list({
    description: 'list the executions of a node, newest first',
    args: [nodeArgument],
    flags: (command) =>
      command.addOption(
        new Option('--status <status>', 'only those with this status').choices(
          ExecutionStatus.enum,
        ),
      ),
    examples: ['plexctl action list web-01', 'plexctl action list web-01 --status queued'],
    items: (admin: Admin, node: string, { status }: { status?: ExecutionStatus }) =>
      allPages((page) => admin.listExecutions({ params: { node }, query: { ...page, status } })),
    columns: [
      'id',
      'action',
      ['status', statusOf],
      ['exit', ({ exit_code }) => String(exit_code ?? '-')],
      ['duration', ({ duration }) => duration || '-'],
      age('created_at'),
    ],
  }),
  call({
    name: 'show',
    description: 'show one execution',
    args: [['<execution>', 'its id']],
    examples: ['plexctl action show exec_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.getExecution({ params: { execution_id: id } }),
    print: printExecution,
  }),
  call({
    name: 'cancel',
    description: 'cancel an execution; one that its node runs ends when the node says so',
    args: [['<execution>', 'its id']],
    examples: ['plexctl action cancel exec_a1b2c3d4'],
    call: (admin: Admin, id: string) => admin.cancelExecution({ params: { execution_id: id } }),
    text: ({ id, message }) => `${id}: ${message}`,
  }),
  runsCommands,
  scheduleCommands,
)
