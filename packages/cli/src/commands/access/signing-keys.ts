import type { Command } from 'commander'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'
import { ageOf, printDone, printList } from '../../terminal/output.ts'

export function addSigningKeyCommands(program: Command, { io, connect }: Context): void {
  const key = program
    .command('signing-key')
    .description('the keys that sign events to nodes')
    .addHelpText('after', examples('plexctl signing-key list'))

  key
    .command('list')
    .description('list signing keys')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl signing-key list'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.listSigningKeys({})
      printList(io, body.items, {
        json,
        columns: [
          ['id', ({ id }) => id],
          ['state', ({ state }) => state],
          ['public key', ({ public_key }) => public_key],
          ['created', ({ created_at }) => ageOf(created_at, io)],
          ['expires', ({ expires_at }) => expires_at ?? '-'],
        ],
      })
    })

  key
    .command('rotate')
    .description('sign with a new key from now on')
    .option(
      '--transition <duration>',
      'how long nodes accept the old key too (default 24h)',
      durationFlag,
    )
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl signing-key rotate --transition 24h'))
    .action(async ({ transition, json }: { transition?: string; json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.rotateSigningKey({ body: { transition_period: transition } })
      printDone(io, body, {
        json,
        text: `events are signed with ${body.id} (${body.public_key}) now`,
      })
    })
}
