import { type Admin, list, noun } from '../../command.ts'
import { ageOf } from '../../terminal/output.ts'

export const forwardsCommands = noun(
  { name: 'forwards', description: 'where the control plane passes telemetry on to' },
  list({
    description:
      'list them with how far they are: they are set up in the settings of the control plane',
    examples: ['plexctl forwards list', 'plexctl forwards list --json'],
    items: async (admin: Admin) => (await admin.listForwards({})).body.items,
    columns: [
      'name',
      'kind',
      'records',
      'url',
      'sent',
      'refused',
      'removed',
      ['lag', ({ lag_seconds }) => `${lag_seconds}s`],
      ['last sent', ({ sent_at }, io) => ageOf(sent_at, io)],
      'error',
    ],
  }),
)
