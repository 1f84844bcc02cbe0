import { type Role, roleNames } from '@plexd/protocol'
import { type Command, Option } from 'commander'
import { type Admin, addCall, addList } from '../../command.ts'
import { type Context, examples } from '../../context.ts'
import { ageOf, printDone, printNote } from '../../terminal/output.ts'

export function addAdminTokenCommands(program: Command, context: Context): void {
  const { io } = context
  const token = program
    .command('admin-token')
    .description('tokens of operators and programs')
    .addHelpText('after', examples('plexctl admin-token list'))

  addCall(token, context, {
    name: 'create',
    description: 'create an admin token; text output is the token alone',
    args: [['<name>', 'whose it is']],
    flags: (command) =>
      command.addOption(
        new Option('--role <role>', 'owner may change everything, viewer only reads')
          .choices(roleNames)
          .makeOptionMandatory(),
      ),
    examples: ['plexctl admin-token create dashboard --role viewer > dashboard-token'],
    call: (admin: Admin, name: string, { role }: { role: Role }) =>
      admin.createAdminToken({ body: { name, role } }),
    print(created, json) {
      printDone(io, created, { json, text: created.token })
      if (!json)
        printNote(
          io,
          'it is not shown again; plexctl takes it from a file that only its owner may read: chmod 600',
        )
    },
  })

  addList(token, context, {
    description: 'list admin tokens, without the tokens themselves',
    examples: ['plexctl admin-token list'],
    items: async (admin: Admin) => (await admin.listAdminTokens({})).body.items,
    columns: [
      ['id', ({ id }) => id],
      ['name', ({ name }) => name],
      ['role', ({ role }) => role],
      ['created', ({ created_at }) => ageOf(created_at, io)],
    ],
  })

  addCall(token, context, {
    name: 'revoke',
    description: 'make an admin token worthless',
    args: [['<id>', 'its id, as `admin-token list` shows it']],
    examples: ['plexctl admin-token revoke tok_k3v9 --yes'],
    asks: (id) => `revoke admin token "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeAdminToken({ params: { token_id: id } }),
    text: (_body, id) => `revoked "${id}"`,
  })
}
