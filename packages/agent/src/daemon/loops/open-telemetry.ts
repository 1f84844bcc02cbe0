import { join } from 'node:path'
import {
  type BatchResponse,
  batchPositionHeader,
  type TelemetryKind,
  type TelemetryStatus,
} from '@plexd/protocol'
import { openTelemetryBuffer } from '../../telemetry/buffer/buffer.ts'
import { describeOff } from '../../telemetry/buffer/describe-buffer.ts'
import type { TelemetryRequest } from '../../telemetry/buffer/sending.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import { describeDamage } from '../stages/open-queues.ts'
import { startSourceProblems } from './source-problems.ts'
import { startCollectors } from './telemetry.ts'

export interface Telemetry {
  status(): TelemetryStatus[]
  /** The control plane is back. */
  wake(): void
}

/** Of a kind, whether it is collected or not. */
interface Part {
  status(): TelemetryStatus
  wake(): void
}

/** What this machine measures, logs and audits, on its way to the control plane. Ends with the stack. */
export async function openTelemetry(
  node: Enrolled,
  stack: AsyncDisposableStack,
): Promise<Telemetry> {
  const { observeEnabled, logsEnabled, auditEnabled } = node.config
  const parts = [
    observeEnabled ? await openPart('metrics', node, stack) : off('metrics', 'observe.enabled'),
    logsEnabled ? await openPart('logs', node, stack) : off('logs', 'logs.enabled'),
    auditEnabled ? await openPart('audit', node, stack) : off('audit', 'audit.enabled'),
  ]
  return {
    status: () => parts.map(({ status }) => status()),
    wake() {
      for (const part of parts) part.wake()
    },
  }
}

function off(kind: TelemetryKind, setting: string): Part {
  return { status: () => describeOff(kind, `it is off: ${setting} is false`), wake() {} }
}

async function openPart<Kind extends TelemetryKind>(
  kind: Kind,
  node: Enrolled,
  stack: AsyncDisposableStack,
): Promise<Part> {
  const { config, disk, problems, describe, clock, log } = node
  const { limits } = config
  const folder = join(config.dataDir, 'telemetry')
  const buffer = stack.use(
    await openTelemetryBuffer({
      kind,
      folder,
      hostname: config.hostname,
      ...{
        metrics: { maxBytes: limits.telemetry_metrics_bytes, intervalMs: config.observeFlushMs },
        logs: { maxBytes: limits.telemetry_logs_bytes, intervalMs: config.logsFlushMs },
        audit: { maxBytes: limits.telemetry_audit_bytes, intervalMs: config.auditFlushMs },
      }[kind],
      post: (request, signal) => post(kind, { node, request, signal }),
      describe,
      onFailure: disk.failed,
      onDamage: (places) => problems.set(`telemetry ${kind}`, describeDamage(folder, kind, places)),
      clock,
      log,
    }),
  )
  const sources = await startCollectors(kind, { to: buffer, node, stack })
  const told = stack.use(startSourceProblems({ kind, sources, problems, clock }))
  return {
    status() {
      told.look()
      return buffer.status(sources())
    },
    wake: buffer.wake,
  }
}

async function post(
  kind: TelemetryKind,
  { node, request, signal }: { node: Enrolled; request: TelemetryRequest; signal: AbortSignal },
): Promise<BatchResponse> {
  const { client, nodeId: node_id } = node
  const call = { metrics: client.sendMetrics, logs: client.sendLogs, audit: client.sendAudit }[kind]
  const { body } = await call({
    params: { node_id },
    body: request.body,
    headers: {
      'content-type': kind === 'metrics' ? 'application/json' : 'application/x-ndjson',
      'content-encoding': 'gzip',
      [batchPositionHeader]: request.position,
    },
    signal,
  })
  // Another control plane may answer less.
  const { accepted = 0, dropped = 0, ...others }: Partial<BatchResponse> = body
  return { ...others, accepted, dropped }
}
