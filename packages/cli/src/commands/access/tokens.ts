import { type BootstrapToken, formatNode } from '@plexd/protocol'
import { addYesFlag, confirm, printJson } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { collectPair, durationFlag } from '../../terminal/input.ts'
import { ageOf, formatLabels, printDone, printList, printNote } from '../../terminal/output.ts'

export function addTokenCommands(program: Command, { io, connect }: Context): void {
  const token = program
    .command('token')
    .description('one-time tokens with which nodes join')
    .addHelpText('after', examples('plexctl token create --ttl 1h'))

  token
    .command('create')
    .description('create a bootstrap token; text output is the token alone')
    .option(
      '--ttl <duration>',
      'how long it may be used, from 1m to 720h (default 1h)',
      durationFlag,
    )
    .option('--hostname <hostname>', 'the only hostname it may register')
    .option('--metadata <key=value>', 'label of the node to be; may be repeated', collectPair)
    .option(
      '--node-may-set <keys>',
      'labels that the node may choose when it registers, separated by commas',
    )
    .addOption(
      new Option(
        '--nsk-format <format>',
        'of the node secret key: raw32 for Go nodes (default base64)',
      ).choices(['raw32', 'base64']),
    )
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl token create --ttl 1h',
        'plexctl token create --hostname web-01 --metadata env=prod --metadata role=web --json',
        'plexctl token create --metadata env=prod --node-may-set team,rack',
      ),
    )
    .action(async ({ ttl, hostname, metadata, nodeMaySet, nskFormat, json }: CreateFlags) => {
      const { admin } = await connect()
      const { body } = await admin.createToken({
        body: {
          ttl,
          hostname,
          metadata,
          node_may_set: nodeMaySet?.split(','),
          nsk_format: nskFormat,
        },
      })
      if (json) return printJson(body, io.stdout)
      printDone(io, body, { json, text: body.token })
      for (const warning of body.warnings) printNote(io, `warning: ${warning}`)
      printNote(io, `for one node, until ${body.expires_at}; it is not shown again`)
    })

  token
    .command('list')
    .description('list bootstrap tokens, without the tokens themselves')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl token list'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const tokens = await allPages((query) => admin.listTokens({ query }))
      printList(io, tokens, {
        json,
        columns: [
          ['id', ({ id }) => id],
          ['state', (item) => stateOf(item, io.clock.now())],
          ['hostname', ({ hostname }) => hostname ?? '-'],
          ['node', nodeOf],
          ['created', ({ created_at }) => ageOf(created_at, io)],
          ['expires', ({ expires_at }) => expires_at],
          ['labels', ({ metadata }) => formatLabels(metadata)],
          ['node may set', ({ node_may_set }) => node_may_set.join(',')],
        ],
      })
    })

  addYesFlag(token.command('revoke'))
    .description('make a bootstrap token worthless')
    .argument('<id>', 'its id, as `token list` shows it')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples('plexctl token revoke tok_k3v9', 'plexctl token revoke tok_k3v9 --yes'),
    )
    .action(async (id: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const { admin } = await connect()
      await confirm(io, { what: `revoke bootstrap token "${id}"`, yes })
      const { body } = await admin.revokeToken({ params: { token_id: id } })
      printDone(io, body, { json, text: `revoked "${id}"` })
    })
}

interface CreateFlags {
  ttl?: string
  hostname?: string
  metadata?: Record<string, string>
  nodeMaySet?: string
  nskFormat?: 'raw32' | 'base64'
  json?: boolean
}

function nodeOf({ node_id, node_hostname }: BootstrapToken): string {
  return node_id === null ? '-' : formatNode(node_id, node_hostname)
}

function stateOf({ used_at, expires_at }: BootstrapToken, nowMs: number): string {
  if (used_at !== null) return 'used'
  return Date.parse(expires_at) <= nowMs ? 'expired' : 'open'
}
