import { type Admin, custom, list, noun } from '../../command.ts'
import {
  addTargetFlags,
  formatTarget,
  type TargetFlags,
  targetOf,
} from '../../connection/target.ts'
import { allPages, type Context } from '../../context.ts'
import { decodeUtf8, readInput } from '../../terminal/input.ts'
import { age, printDone } from '../../terminal/output.ts'
import { removeEntry } from './remove-entry.ts'

export const secretCommands = noun(
  {
    name: 'secret',
    description: 'secrets that nodes may fetch',
    examples: ['plexctl secret list'],
  },
  custom({
    name: 'put',
    description: 'write a secret',
    args: [['<key>']],
    flags: (command) =>
      addTargetFlags(command).requiredOption(
        '--file <file>',
        'where its value is; - for standard input',
      ),
    help: '\nThe value is every byte of the file as UTF-8, a newline at its end too: `printf %s` writes none.\n',
    examples: [
      'plexctl secret put tls/server.key --selector role=web --file server.key',
      'printf %s "$PASSWORD" | plexctl secret put db/password --node web-01 --file -',
    ],
    async run({ io, connect }: Context, key: string, { file, json, ...flags }: PutFlags) {
      const value = decodeUtf8(await readInput(file, io), file)
      const { admin } = await connect()
      const target = await targetOf(admin, flags)
      const { body } = await admin.putSecret({ params: { key }, body: { target, value } })
      printDone(io, body, { json, text: `wrote "${key}" version ${body.version}` })
    },
  }),
  list({
    description: 'list secrets; no command gives a value back',
    examples: ['plexctl secret list'],
    items: (admin: Admin) => allPages((query) => admin.listSecrets({ query })),
    columns: ['key', ['for', ({ target }) => formatTarget(target)], 'version', age('updated_at')],
  }),
  removeEntry({
    of: 'secret',
    operation: 'deleteSecret',
    example: 'plexctl secret remove db/password --node web-01 --yes',
  }),
)

interface PutFlags extends TargetFlags {
  file: string
  json?: boolean
}
