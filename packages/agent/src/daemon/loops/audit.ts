import type { AuditRecord } from '@plexd/protocol'
import { knownSecrets } from '../../identity/known-secrets.ts'
import { startAudit } from '../../telemetry/audit/start-audit.ts'
import type { Collecting, Collector } from '../../telemetry/buffer/collector.ts'
import type { Enrolled } from '../stages/enrolled.ts'

/** What the kernel of this machine and a Kubernetes API server on it saw. Rejects if a pattern of the settings cannot be used. */
export function collectAudit(
  collector: Collector<AuditRecord>,
  { config, identity, mesh, clock, log }: Enrolled,
): Promise<Collecting> {
  return startAudit({
    collector,
    config,
    // As of logs: without those of peers.
    secrets: () => knownSecrets({ config, identity: identity.current(), peers: [] }),
    isOwnProcess: (pid) => mesh.firewall?.ownProcesses.has(pid) ?? false,
    clock,
    log,
  })
}
