import { type BootstrapToken, formatNode } from '@plexd/protocol'
import type { Command } from 'commander'
import { type Admin, addCall, addList } from '../../command.ts'
import { allPages, type Context, examples } from '../../context.ts'
import { ageOf, formatLabels } from '../../terminal/output.ts'
import { addCreateToken } from './create-token.ts'

export function addTokenCommands(program: Command, context: Context): void {
  const { io } = context
  const token = program
    .command('token')
    .description('one-time tokens with which nodes join')
    .addHelpText('after', examples('plexctl token create --ttl 1h'))

  addCreateToken(token, context)

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

function nodeOf({ node_id, node_hostname }: BootstrapToken): string {
  return node_id === null ? '-' : formatNode(node_id, node_hostname)
}

function stateOf({ used_at, expires_at }: BootstrapToken, nowMs: number): string {
  if (used_at !== null) return 'used'
  return Date.parse(expires_at) <= nowMs ? 'expired' : 'open'
}
