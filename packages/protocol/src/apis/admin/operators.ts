import { Type } from 'typebox'
import { AdminToken, Role } from '../../admin/operator.ts'
import { operation } from '../../operations/operation.ts'
import { GivenName } from '../../schemas/scalars.ts'
import { read, remove, write } from './row.ts'

/** Tokens of operators and of programs that act for them. */
export const operators = {
  whoAmI: operation({
    ...read('self'),
    path: '/admin/v1/whoami',
    summary: 'Read whose token this is',
    response: Type.Object({ name: Type.String(), role: Role, tenant: Type.String() }),
  }),
  createAdminToken: operation({
    ...write('POST', 'admin_tokens'),
    path: '/admin/v1/admin-tokens',
    summary: 'Create a token for an operator or a program',
    request: Type.Object({ name: GivenName, role: Role }),
    response: Type.Interface([AdminToken], {
      token: Type.String({ description: 'Shown this once' }),
    }),
    status: 201,
    errors: [400, 409],
  }),
  listAdminTokens: operation({
    ...read('admin_tokens'),
    path: '/admin/v1/admin-tokens',
    summary: 'List admin tokens',
    response: Type.Object({ items: Type.Array(AdminToken) }),
  }),
  revokeAdminToken: operation({
    ...remove('admin_tokens'),
    path: '/admin/v1/admin-tokens/{token_id}',
    summary: 'Make an admin token worthless',
    errors: [404, 409],
  }),
} as const
