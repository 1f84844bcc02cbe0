import { Type } from 'typebox'
import { wantKeyword } from '../../schemas/schema-fault.ts'

export const Empty = Type.Object({})
export const mebibyte = 1024 * 1024

export const Paging = Type.Object({
  limit: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,3}$',
      [wantKeyword]: 'a whole number from 1 to 9999',
      description: 'Items in a page; 100 when absent',
      examples: ['100'],
    }),
  ),
  after: Type.Optional(Type.String()),
})

/** A row of the admin API on what belongs to a tenant, for operators with this permission. */
export const needs = <const Method extends string, const Wanted extends string>(
  method: Method,
  permission: Wanted,
) => ({ method, auth: 'operator', scope: 'tenant', permission }) as const

export const read = <const Noun extends string>(noun: Noun) => needs('GET', `${noun}.read` as const)
export const write = <const Method extends string, const Noun extends string>(
  method: Method,
  noun: Noun,
) => needs(method, `${noun}.write` as const)
export const remove = <const Noun extends string>(noun: Noun) =>
  ({ ...write('DELETE', noun), response: Empty }) as const
/** Writes what all tenants share. */
export const writeShared = <const Method extends string, const Noun extends string>(
  method: Method,
  noun: Noun,
) => ({ ...write(method, noun), scope: 'installation' }) as const
