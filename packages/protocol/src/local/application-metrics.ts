import { type Static, Type } from 'typebox'
import { mapOf, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { wantKeyword } from '../schemas/schema-fault.ts'

/** A group of metrics of a program. The names of {@link metricGroups} are taken. */
const ApplicationPoint = Type.Object({
  group: Type.String({
    pattern: '^[a-z][a-z0-9_.-]{0,63}$',
    [wantKeyword]:
      'up to 64 lower-case letters, digits, "_", "." or "-", with a letter at the beginning',
    examples: ['shop'],
  }),
  data: mapOf(Type.Number(), {
    minProperties: 1,
    maxProperties: 200,
    examples: [{ orders_total: 12 }],
  }),
  timestamp: Type.Optional(Timestamp),
})

/** What a program on the node has measured. */
export const ApplicationMetrics = Type.Object({
  points: Type.Array(ApplicationPoint, { minItems: 1, maxItems: 500 }),
})
export type ApplicationMetrics = Static<typeof ApplicationMetrics>

export const MetricsTaken = Type.Object({ accepted: WholeNumber })
