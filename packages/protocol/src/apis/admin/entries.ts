import { Type } from 'typebox'
import { DataEntry, Secret, Target } from '../../admin/entry.ts'
import { pageOf } from '../../admin/page.ts'
import { Warnings } from '../../admin/warnings.ts'
import { operation } from '../../operations/operation.ts'
import { MediaType, NewEntryKey } from '../../schemas/scalars.ts'
import { mebibyte, Paging, read, remove, write } from './row.ts'

/** Data and secrets, each for a node or a label selector. */
export const entries = {
  putData: operation({
    ...write('PUT', 'data'),
    path: '/admin/v1/data/{key}',
    summary: 'Write a data entry for a node or a label selector',
    params: { key: NewEntryKey },
    request: Type.Object({
      target: Target,
      content_type: MediaType,
      payload: Type.Unknown(),
    }),
    response: Type.Interface([DataEntry, Warnings], {}),
    responseKind: 'json-text',
    errors: [400, 404],
    maxBodyBytes: 4 * mebibyte,
    // In an event the payload is nested three levels deeper, and agents accept 64 levels.
    maxDepth: 61,
  }),
  listData: operation({
    ...read('data'),
    path: '/admin/v1/data',
    summary: 'List data entries',
    query: Paging,
    response: pageOf(DataEntry),
    responseKind: 'json-text',
  }),
  getData: operation({
    ...read('data'),
    path: '/admin/v1/data/{key}',
    summary: 'Read one data entry: that for a target, or the only one of its key',
    query: Target,
    response: DataEntry,
    responseKind: 'json-text',
    errors: [400, 404, 409],
  }),
  deleteData: operation({
    ...remove('data'),
    path: '/admin/v1/data/{key}',
    summary: 'Delete a data entry of a node or a label selector',
    query: Target,
    errors: [400, 404],
  }),
  putSecret: operation({
    ...write('PUT', 'secrets'),
    path: '/admin/v1/secrets/{key}',
    summary: 'Write a secret for a node or a label selector',
    params: { key: NewEntryKey },
    request: Type.Object({
      target: Target,
      value: Type.String({ minLength: 1, maxLength: 256 * 1024, writeOnly: true }),
    }),
    response: Type.Interface([Secret, Warnings], {}),
    errors: [400, 404],
  }),
  listSecrets: operation({
    ...read('secrets'),
    path: '/admin/v1/secrets',
    summary: 'List secrets, without values',
    query: Paging,
    response: pageOf(Secret),
  }),
  deleteSecret: operation({
    ...remove('secrets'),
    path: '/admin/v1/secrets/{key}',
    summary: 'Delete a secret of a node or a label selector',
    query: Target,
    errors: [400, 404],
  }),
} as const
