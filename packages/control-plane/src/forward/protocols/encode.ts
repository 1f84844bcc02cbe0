import type { TelemetryKind } from '@plexd/protocol'
import type { ForwardKind } from '../../config/forwards.ts'
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
import { remoteWriteRequest } from './remote-write.ts'

/** Undefined if there is nothing to send in them. `nameOf` gives the hostname of a node. */
export type Encode = (
  records: readonly Outgoing<unknown>[],
  nameOf: (nodeId: string) => string | undefined,
) => ForwardRequest | undefined

/** Records were validated as those of their kind when they came. */
const encoders: Readonly<Record<ForwardKind, Partial<Record<TelemetryKind, Encode>>>> = {
  otlp: {
    metrics: (records, nameOf) => otlpMetricsRequest(records as OutgoingPoint[], nameOf),
    logs: (records) => otlpLogsRequest(records as OutgoingLog[]),
    audit: (records) => otlpAuditRequest(records as OutgoingAudit[]),
  },
  loki: {
    logs: (records) => lokiLogsRequest(records as OutgoingLog[]),
    audit: (records) => lokiAuditRequest(records as OutgoingAudit[]),
  },
  'remote-write': {
    metrics: (records, nameOf) => remoteWriteRequest(records as OutgoingPoint[], nameOf),
  },
}

export function encoderOf(kind: ForwardKind, records: TelemetryKind): Encode {
  const encode = encoders[kind][records]
  if (!encode) throw new Error(`${kind} takes no ${records}`) // the settings have refused it
  return encode
}
