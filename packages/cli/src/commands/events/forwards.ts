import type { Command } from 'commander'
import { type Admin, addList } from '../../command.ts'
import { type Context, examples } from '../../context.ts'
import { ageOf } from '../../terminal/output.ts'

export function addForwardsCommands(program: Command, context: Context): void {
  const { io } = context
  const forwards = program
    .command('forwards')
    .description('where the control plane passes telemetry on to')
    .addHelpText('after', examples('plexctl forwards list'))
  addList(forwards, context, {
    description:
      'list them with how far they are: they are set up in the settings of the control plane',
    examples: ['plexctl forwards list', 'plexctl forwards list --json'],
    items: async (admin: Admin) => (await admin.listForwards({})).body.items,
    columns: [
      ['name', ({ name }) => name],
      ['kind', ({ kind }) => kind],
      ['records', ({ records }) => records],
      ['url', ({ url }) => url],
      ['sent', ({ sent }) => String(sent)],
      ['refused', ({ refused }) => String(refused)],
      ['removed', ({ removed }) => String(removed)],
      ['lag', ({ lag_seconds }) => `${lag_seconds}s`],
      ['last sent', ({ sent_at }) => ageOf(sent_at, io)],
      ['error', ({ error }) => error ?? '-'],
    ],
  })
}
