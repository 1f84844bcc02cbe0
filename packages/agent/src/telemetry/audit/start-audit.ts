import { readFile } from 'node:fs/promises'
import type { AuditRecord } from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { loadRawSocket } from '../../process/sockets/raw-socket.ts'
import type { Collecting, Collector } from '../buffer/collector.ts'
import { createRedaction } from '../logs/records/redaction.ts'
import { createAuditKernel } from './kernel/audit-kernel.ts'
import { startKubernetesAudit } from './kubernetes/start-kubernetes.ts'
import { createAuditIntake } from './linux/intake.ts'
import { startLinuxAudit } from './linux/start-linux.ts'
import { createPartCollector } from './part-collector.ts'

export interface AuditOptions {
  collector: Collector<AuditRecord>
  config: Pick<
    AgentConfig,
    | 'hostname'
    | 'auditSources'
    | 'auditKeys'
    | 'auditTypes'
    | 'auditWatch'
    | 'auditKubernetes'
    | 'logsRedact'
  >
  /** Those of plexd, few: they are looked for in each record. */
  secrets(): readonly string[]
  /** Whether a process was started by plexd. */
  isOwnProcess(pid: number): boolean
  clock: Clock
  log: Log
}

/** Reads what `audit` names. Rejects if a pattern of `logs.redact` cannot be used, and if Node has no FFI. */
export async function startAudit(options: AuditOptions): Promise<Collecting> {
  const { collector, config, secrets, isOwnProcess, clock, log } = options
  const redaction = await createRedaction(config.logsRedact, secrets)
  const rules = {
    hostname: config.hostname,
    redact: (text: string) => redaction(text, 'audit'),
  }
  const openSocket = await loadRawSocket()
  const own = createPartCollector(collector, 'linux')
  const intake = createAuditIntake({
    ...rules,
    collector: own,
    boot: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    keys: config.auditKeys,
    types: config.auditTypes,
    ownPid: process.pid,
    ownProgram: process.execPath,
    isOwnProcess,
    clock,
  })

  await using stack = new AsyncDisposableStack()
  const linux = stack.use(
    startLinuxAudit({
      ...{ collector: own, intake, places: config.auditSources, watch: config.auditWatch },
      ...{ openSocket, kernel: createAuditKernel(openSocket, clock), clock, log },
    }),
  )
  const kubernetes = stack.use(
    startKubernetesAudit({
      ...{ ...rules, path: config.auditKubernetes, clock, log },
      collector: createPartCollector(collector, 'kubernetes'),
    }),
  )
  return {
    sources: () => [...linux.sources(), ...kubernetes.sources()],
    [Symbol.asyncDispose]: handOver(stack),
  }
}
