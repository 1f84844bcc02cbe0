import { type BootstrapToken, formatNode } from '@plexd/protocol'
import { type Admin, call, list, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { age, formatLabels } from '../../terminal/output.ts'
import { createToken } from './create-token.ts'

export const tokenCommands = noun(
  { name: 'token', description: 'one-time tokens with which nodes join' },
  createToken,
  list({
    description: 'list bootstrap tokens, without the tokens themselves',
    examples: ['plexctl token list'],
    items: (admin: Admin) => allPages((query) => admin.listTokens({ query })),
    columns: [
      'id',
      ['state', (item, io) => stateOf(item, io.clock.now())],
      'hostname',
      ['node', nodeOf],
      age('created_at'),
      ['expires', ({ expires_at }) => expires_at],
      ['labels', ({ metadata }) => formatLabels(metadata)],
      ['node may set', ({ node_may_set }) => node_may_set.join(',')],
    ],
  }),
  call({
    name: 'revoke',
    description: 'make a bootstrap token worthless',
    args: [['<id>', 'its id, as `token list` shows it']],
    examples: ['plexctl token revoke tok_k3v9', 'plexctl token revoke tok_k3v9 --yes'],
    asks: (id) => `revoke bootstrap token "${id}"`,
    call: (admin: Admin, id: string) => admin.revokeToken({ params: { token_id: id } }),
    text: (_body, id) => `revoked "${id}"`,
  }),
)

function nodeOf({ node_id, node_hostname }: BootstrapToken): string {
  return node_id === null ? '-' : formatNode(node_id, node_hostname)
}

function stateOf({ used_at, expires_at }: BootstrapToken, nowMs: number): string {
  if (used_at !== null) return 'used'
  return Date.parse(expires_at) <= nowMs ? 'expired' : 'open'
}
