import { Type } from 'typebox'
import { SigningKey } from '../../admin/signing-key.ts'
import { operation } from '../../operations/operation.ts'
import { read, writeShared } from './row.ts'

/** The keys of the control plane itself. */
export const keys = {
  listSigningKeys: operation({
    ...read('signing_keys'),
    path: '/admin/v1/signing-keys',
    summary: 'List the keys that sign events',
    response: Type.Object({ items: Type.Array(SigningKey) }),
  }),
  rotateSigningKey: operation({
    ...writeShared('POST', 'signing_keys'),
    path: '/admin/v1/signing-keys/rotate',
    summary: 'Sign with a new key; the old one stays valid for the transition period',
    request: Type.Object({
      transition_period: Type.Optional(Type.String({ description: '"24h" when absent' })),
    }),
    response: SigningKey,
    errors: [400, 409],
  }),
  rotateMasterKey: operation({
    ...writeShared('POST', 'master_key'),
    path: '/admin/v1/master-key/rotate',
    summary: 'Seal everything anew under a new master key; answers when the old one is gone',
    response: Type.Object({
      key_id: Type.String({ description: 'Names the new key; tells nothing of it' }),
      sealed_again: Type.Integer({ description: 'Texts that were sealed under the old key' }),
    }),
    errors: [503],
  }),
} as const
