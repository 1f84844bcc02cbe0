import type { TelemetryKind } from '@plexd/protocol'
import type { ForwardKind, forwardKinds } from '../../config/forwards.ts'
import { type AnswerRules, otlpAnswers, plainAnswers } from './answer.ts'
import { lokiAuditRequest, lokiLogsRequest } from './loki.ts'
import { otlpAuditRequest, otlpLogsRequest } from './otlp-logs.ts'
import { otlpMetricsRequest } from './otlp-metrics.ts'
import type {
  ForwardRequest,
  Outgoing,
  OutgoingAudit,
  OutgoingLog,
  OutgoingPoint,
} from './outgoing.ts'
import { bySize, createDivideByOrder, type Divide } from './parts.ts'
import { remoteWriteRequest } from './remote-write.ts'

/** Undefined if there is nothing to send in them. `nameOf` gives the hostname of a node. */
export type Encode = (
  records: readonly Outgoing<unknown>[],
  nameOf: (nodeId: string) => string | undefined,
) => ForwardRequest | undefined

/** What is particular to a protocol. */
export interface Protocol {
  /** For each kind of records that it takes. */
  encoders: Partial<Record<TelemetryKind, Encode>>
  answers: AnswerRules
  createDivide(): Divide
  /** Whether its bodies are compressed already. */
  isPacked: boolean
}

type Complete = {
  [Kind in ForwardKind]: Protocol & {
    encoders: Record<(typeof forwardKinds)[Kind][number], Encode>
  }
}

/** Records were validated as those of their kind when they came. */
const complete: Complete = {
  otlp: {
    encoders: {
      metrics: (records, nameOf) => otlpMetricsRequest(records as OutgoingPoint[], nameOf),
      logs: (records) => otlpLogsRequest(records as OutgoingLog[]),
      audit: (records) => otlpAuditRequest(records as OutgoingAudit[]),
    },
    answers: otlpAnswers,
    createDivide: () => bySize,
    isPacked: false,
  },
  loki: {
    encoders: {
      logs: (records) => lokiLogsRequest(records as OutgoingLog[]),
      audit: (records) => lokiAuditRequest(records as OutgoingAudit[]),
    },
    answers: plainAnswers,
    createDivide: () => bySize,
    isPacked: false,
  },
  'remote-write': {
    encoders: {
      metrics: (records, nameOf) => remoteWriteRequest(records as OutgoingPoint[], nameOf),
    },
    answers: plainAnswers,
    createDivide: createDivideByOrder,
    isPacked: true,
  },
}

export const protocols: Readonly<Record<ForwardKind, Protocol>> = complete

export function encoderOf(kind: ForwardKind, records: TelemetryKind): Encode {
  const encode = protocols[kind].encoders[records]
  if (!encode) throw new Error(`${kind} takes no ${records}`) // the settings have refused it
  return encode
}
