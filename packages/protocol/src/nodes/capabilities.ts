import { type Static, Type } from 'typebox'
import { nullableArray } from '../schemas/scalars.ts'
import { SessionSupport } from '../sessions/session.ts'

export const ActionParameter = Type.Object({
  name: Type.String(),
  type: Type.String({ examples: ['string', 'bool', 'int'] }),
  required: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String()),
  default: Type.Optional(Type.Unknown()),
  enum: Type.Optional(Type.Array(Type.Unknown(), { description: 'The values that it may have' })),
  pattern: Type.Optional(
    Type.String({ description: 'ECMAScript regular expression that a text must match' }),
  ),
})
export type ActionParameter = Static<typeof ActionParameter>

const Timeout = Type.String({
  description: 'Go duration: how long it may run unless a request says otherwise',
})

export const BuiltinAction = Type.Object({
  name: Type.String(),
  description: Type.Optional(Type.String()),
  parameters: Type.Optional(nullableArray(ActionParameter)),
  timeout: Type.Optional(Timeout),
})

export const Hook = Type.Object({
  name: Type.String(),
  description: Type.Optional(Type.String()),
  source: Type.Optional(Type.String({ examples: ['script', 'crd'] })),
  checksum: Type.Optional(
    Type.String({ description: 'As announced; `sha256:` and hex, or bare hex from Go nodes' }),
  ),
  parameters: Type.Optional(nullableArray(ActionParameter)),
  timeout: Type.Optional(Timeout),
  sandbox: Type.Optional(Type.String()),
  privileged: Type.Optional(Type.Boolean()),
})

/** What a node can do: its binary, builtin actions and hooks. */
export const Capabilities = Type.Object({
  binary: Type.Optional(
    Type.Object({ version: Type.Optional(Type.String()), checksum: Type.Optional(Type.String()) }),
  ),
  builtin_actions: Type.Optional(nullableArray(BuiltinAction)),
  hooks: Type.Optional(nullableArray(Hook)),
  max_concurrent: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'How many actions of the control plane it runs at a time',
    }),
  ),
  max_timeout: Type.Optional(
    Type.String({
      description: 'Go duration: no action runs longer, whatever a request or the action says',
    }),
  ),
  sessions: Type.Optional(SessionSupport),
  metrics: Type.Optional(
    Type.Object(
      { listen: Type.String({ examples: ['0.0.0.0:9100'] }) },
      { description: 'Where it serves its metrics to Prometheus, if it does' },
    ),
  ),
})
export type Capabilities = Static<typeof Capabilities>
