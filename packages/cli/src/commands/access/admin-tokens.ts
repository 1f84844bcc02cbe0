import { type Role, roleNames } from '@plexd/protocol'
import { Option } from 'commander'
import { type Admin, call, list, noun } from '../../command.ts'
import { age } from '../../terminal/output.ts'

export const adminTokenCommands = noun(
  {
    name: 'admin-token',
    description: 'tokens of operators and programs',
    examples: ['plexctl admin-token list'],
  },
  call({
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
    text: ({ token }) => token,
    note: () =>
      'it is not shown again; plexctl takes it from a file that only its owner may read: chmod 600',
  }),
  list({
    description: 'list admin tokens, without the tokens themselves',
    examples: ['plexctl admin-token list'],
    items: async (admin: Admin) => (await admin.listAdminTokens({})).body.items,
    columns: ['id', 'name', 'role', age('created_at')],
  }),
  call({
    name: 'revoke',
    description: 'make an admin token worthless',
    args: [['<id>', 'its id, as `admin-token list` shows it']],
    examples: ['plexctl admin-token revoke tok_k3v9 --yes'],
    asks: (id) => `revoke admin token "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeAdminToken({ params: { token_id: id } }),
    text: (_body, id) => `revoked "${id}"`,
  }),
)
