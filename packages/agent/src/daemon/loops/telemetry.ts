import type { SourceStatus, TelemetryKind } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { TelemetryEntry } from '../../telemetry/buffer/buffer.ts'
import type { Collecting, Collector } from '../../telemetry/buffer/collector.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import { collectAudit } from './audit.ts'
import { collectLogs } from './logs.ts'
import { collectMetrics } from './metrics.ts'

/** Starts what collects of a kind. Rejects if it cannot, with the reason for people. */
type Start<Kind extends TelemetryKind> = (
  to: Collector<TelemetryEntry[Kind]>,
  node: Enrolled,
) => Promise<Collecting> | Collecting

/** All that collect, one line each. */
const collectors: { readonly [Kind in TelemetryKind]: Readonly<Record<string, Start<Kind>>> } = {
  metrics: { machine: collectMetrics },
  logs: { programs: collectLogs },
  audit: { kernel: collectAudit },
}

/** Starts the collectors of a kind, which end with the stack; returns where they read. One that cannot be started says so there. */
export async function startCollectors<Kind extends TelemetryKind>(
  kind: Kind,
  {
    to,
    node,
    stack,
  }: { to: Collector<TelemetryEntry[Kind]>; node: Enrolled; stack: AsyncDisposableStack },
): Promise<() => SourceStatus[]> {
  const starts: Readonly<Record<string, Start<Kind>>> = collectors[kind]
  const running = await Promise.all(
    Object.entries(starts).map(async ([name, start]) => {
      try {
        return stack.use(await start(to, node))
      } catch (error) {
        const detail = describeError(error)
        node.log.error('telemetry is not collected', { kind, source: name, error: detail })
        return { sources: (): SourceStatus[] => [{ name, state: 'failed', detail }] }
      }
    }),
  )
  return () => running.flatMap(({ sources }) => sources())
}
