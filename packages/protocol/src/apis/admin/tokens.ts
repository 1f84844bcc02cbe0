import { Type } from 'typebox'
import { BootstrapToken } from '../../admin/bootstrap-token.ts'
import { pageOf } from '../../admin/page.ts'
import { Warnings } from '../../admin/warnings.ts'
import { operation } from '../../operations/operation.ts'
import { Metadata } from '../../schemas/scalars.ts'
import { Paging, read, remove, write } from './row.ts'

/** One-time tokens, with which nodes register. */
export const tokens = {
  createToken: operation({
    ...write('POST', 'tokens'),
    path: '/admin/v1/tokens',
    summary: 'Create a one-time bootstrap token',
    request: Type.Object({
      ttl: Type.Optional(
        Type.String({ description: 'Go duration from "1m" to "720h"; "1h" when absent' }),
      ),
      hostname: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
      metadata: Type.Optional(Metadata),
      node_may_set: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 256 })),
      nsk_format: Type.Optional(Type.Enum(['base64', 'raw32'])),
      url: Type.Optional(
        Type.String({
          maxLength: 2_048,
          description: 'https:// address for the join string, in place of the public one',
        }),
      ),
    }),
    response: Type.Interface([BootstrapToken, Warnings], {
      token: Type.String({ description: 'Shown this once' }),
      join: Type.String({
        description:
          'Address, token and fingerprint of the authority in one word, for `plexd join`',
      }),
    }),
    status: 201,
    errors: [400],
  }),
  listTokens: operation({
    ...read('tokens'),
    path: '/admin/v1/tokens',
    summary: 'List bootstrap tokens',
    query: Paging,
    response: pageOf(BootstrapToken),
  }),
  revokeToken: operation({
    ...remove('tokens'),
    path: '/admin/v1/tokens/{token_id}',
    summary: 'Make a bootstrap token worthless',
    errors: [404],
  }),
} as const
