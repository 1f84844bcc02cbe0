import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import { operation } from '../../operations/operation.ts'
import { Policy, PolicyOutcome, PolicySpec } from '../../policies/policy.ts'
import { mebibyte, Paging, read, write } from './row.ts'

const DryRun = Type.Object({
  dry_run: Type.Optional(
    Type.Enum(['true', 'false'], { description: 'Change nothing, and count the pairs' }),
  ),
})

/** Who may reach whom in the mesh. */
export const policies = {
  listPolicies: operation({
    ...read('policies'),
    path: '/admin/v1/policies',
    summary: 'List policies in the order they apply',
    query: Paging,
    response: pageOf(Policy),
  }),
  getPolicy: operation({
    ...read('policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Read one policy',
    response: Policy,
    errors: [404],
  }),
  putPolicy: operation({
    ...write('PUT', 'policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Create or replace a policy; with ?dry_run only tell what would follow',
    query: DryRun,
    request: PolicySpec,
    response: Type.Interface([Policy], PolicyOutcome.properties),
    errors: [400],
    maxBodyBytes: 8 * mebibyte,
    maxValues: 1_000_000,
  }),
  deletePolicy: operation({
    ...write('DELETE', 'policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Delete a policy; with ?dry_run only tell what would follow',
    query: DryRun,
    response: PolicyOutcome,
    errors: [404],
  }),
} as const
