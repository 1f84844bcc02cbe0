import { type Role, roleNames } from '@plexd/protocol'
import { addYesFlag, confirm, printJson } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { ageOf, printDone, printList, printNote } from '../../terminal/output.ts'

export function addAdminTokenCommands(program: Command, { io, connect }: Context): void {
  const token = program
    .command('admin-token')
    .description('tokens of operators and programs')
    .addHelpText('after', examples('plexctl admin-token list'))

  token
    .command('create')
    .description('create an admin token; text output is the token alone')
    .argument('<name>', 'whose it is')
    .addOption(
      new Option('--role <role>', 'owner may change everything, viewer only reads')
        .choices(roleNames)
        .makeOptionMandatory(),
    )
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples('plexctl admin-token create dashboard --role viewer > dashboard-token'),
    )
    .action(async (name: string, { role, json }: { role: Role; json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.createAdminToken({ body: { name, role } })
      if (json) return printJson(body, io.stdout)
      printDone(io, body, { json, text: body.token })
      printNote(
        io,
        'it is not shown again; plexctl takes it from a file that only its owner may read: chmod 600',
      )
    })

  token
    .command('list')
    .description('list admin tokens, without the tokens themselves')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl admin-token list'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.listAdminTokens({})
      printList(io, body.items, {
        json,
        columns: [
          ['id', ({ id }) => id],
          ['name', ({ name }) => name],
          ['role', ({ role }) => role],
          ['created', ({ created_at }) => ageOf(created_at, io)],
        ],
      })
    })

  addYesFlag(token.command('revoke'))
    .description('make an admin token worthless')
    .argument('<id>', 'its id, as `admin-token list` shows it')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl admin-token revoke tok_k3v9 --yes'))
    .action(async (id: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const { admin } = await connect()
      await confirm(io, { what: `revoke admin token "${id}"`, yes })
      const { body } = await admin.revokeAdminToken({ params: { token_id: id } })
      printDone(io, body, { json, text: `revoked "${id}"` })
    })
}
