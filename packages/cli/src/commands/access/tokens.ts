import { type BootstrapToken, formatNode, isLoopback, readJoin } from '@plexd/protocol'
import { type Command, Option } from 'commander'
import { type Admin, addCall, addList } from '../../command.ts'
import { allPages, type Context, examples } from '../../context.ts'
import { collectPair, durationFlag } from '../../terminal/input.ts'
import { ageOf, formatLabels, printDone, printNote } from '../../terminal/output.ts'

export function addTokenCommands(program: Command, context: Context): void {
  const { io } = context
  const token = program
    .command('token')
    .description('one-time tokens with which nodes join')
    .addHelpText('after', examples('plexctl token create --ttl 1h'))

  addCall(token, context, {
    name: 'create',
    description: 'create a bootstrap token; text output is the token, or the join string, alone',
    flags: addCreateFlags,
    examples: [
      'plexctl token create --ttl 1h',
      'plexctl token create --join',
      'plexctl token create --hostname web-01 --metadata env=prod --metadata role=web --json',
      'plexctl token create --metadata env=prod --node-may-set team,rack',
    ],
    call: (admin: Admin, { ttl, hostname, metadata, nodeMaySet, nskFormat, url }: CreateFlags) => {
      const node_may_set = nodeMaySet?.split(',')
      return admin.createToken({
        body: { ttl, hostname, metadata, node_may_set, nsk_format: nskFormat, url },
      })
    },
    print(created, json, { join: isJoin }) {
      printDone(io, created, { json, text: isJoin ? created.join : created.token })
      if (json) return
      printNote(io, `for one node, until ${created.expires_at}; it is not shown again`)
      if (isJoin) printNote(io, howToJoin(created.join))
    },
  })

  addList(token, context, {
    description: 'list bootstrap tokens, without the tokens themselves',
    examples: ['plexctl token list'],
    items: (admin: Admin) => allPages((query) => admin.listTokens({ query })),
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

  addCall(token, context, {
    name: 'revoke',
    description: 'make a bootstrap token worthless',
    args: [['<id>', 'its id, as `token list` shows it']],
    examples: ['plexctl token revoke tok_k3v9', 'plexctl token revoke tok_k3v9 --yes'],
    asks: (id) => `revoke bootstrap token "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeToken({ params: { token_id: id } }),
    text: (_body, id) => `revoked "${id}"`,
  })
}

/** What to do with a join string, and why it may not work. */
function howToJoin(join: string): string {
  const { url } = readJoin(join)
  const { hostname } = new URL(url)
  return isLoopback(hostname)
    ? `it leads to ${url}, which only this machine reaches: give another address with --url, or set public_url in the control plane's config`
    : `on the node, "plexd join" asks for it; it leads to ${url}`
}

function addCreateFlags(command: Command): Command {
  return command
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
    .option('--join', 'print the join string, with which "plexd join" needs nothing else')
    .addOption(
      new Option(
        '--url <url>',
        'the address in the join string, in place of the public one',
      ).implies({ join: true }),
    )
}

interface CreateFlags {
  ttl?: string
  hostname?: string
  metadata?: Record<string, string>
  nodeMaySet?: string
  nskFormat?: 'raw32' | 'base64'
  join?: boolean
  url?: string
}

function nodeOf({ node_id, node_hostname }: BootstrapToken): string {
  return node_id === null ? '-' : formatNode(node_id, node_hostname)
}

function stateOf({ used_at, expires_at }: BootstrapToken, nowMs: number): string {
  if (used_at !== null) return 'used'
  return Date.parse(expires_at) <= nowMs ? 'expired' : 'open'
}
