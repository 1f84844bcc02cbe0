import { type Admin, call, list, noun } from '../../command.ts'
import { durationFlag } from '../../terminal/input.ts'
import { age } from '../../terminal/output.ts'

export const signingKeyCommands = noun(
  { name: 'signing-key', description: 'the keys that sign events to nodes' },
  list({
    description: 'list signing keys',
    examples: ['plexctl signing-key list'],
    items: async (admin: Admin) => (await admin.listSigningKeys({})).body.items,
    columns: [
      'id',
      'state',
      'public_key',
      age('created_at'),
      ['expires', ({ expires_at }) => expires_at ?? '-'],
    ],
  }),
  call({
    name: 'rotate',
    description: 'sign with a new key from now on',
    flags: (command) =>
      command.option(
        '--transition <duration>',
        'how long nodes accept the old key too (default 24h)',
        durationFlag,
      ),
    examples: ['plexctl signing-key rotate --transition 24h'],
    call: (admin: Admin, { transition }: { transition?: string }) =>
      admin.rotateSigningKey({ body: { transition_period: transition } }),
    text: ({ id, public_key }) => `events are signed with ${id} (${public_key}) now`,
  }),
)
