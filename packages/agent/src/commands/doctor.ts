import { exitCodes, printable, printJson } from '@plexd/runtime'
import type { AgentConfig } from '../config.ts'
import type { Check, Finding } from '../doctor/check.ts'
import { controlPlaneCheck } from '../doctor/control-plane-check.ts'
import { daemonChecks } from '../doctor/daemon-checks.ts'
import { machineChecks } from '../doctor/machine-checks.ts'
import { type Flags, loadConfigFor } from './flags.ts'

const checks: readonly Check[] = [...machineChecks, controlPlaneCheck, ...daemonChecks]

export type NamedFinding = { check: string } & Finding

/** Exit code 1 when something has to be mended; warnings leave it at 0. */
export async function runDoctor(flags: Flags, { json }: { json?: boolean }): Promise<void> {
  const findings = await examine(checks, await loadConfigFor(flags))
  if (json) printJson(findings)
  else process.stdout.write(formatFindings(findings))
  if (findings.some(({ state }) => state === 'failed')) process.exitCode = exitCodes.failed
}

export function examine(checks: readonly Check[], config: AgentConfig): Promise<NamedFinding[]> {
  return Promise.all(checks.map(async ({ name, run }) => ({ check: name, ...(await run(config)) })))
}

export function formatFindings(findings: readonly NamedFinding[]): string {
  return findings
    .map((finding) => {
      const line = `${marks[finding.state]} ${`${finding.check}:`.padEnd(17)}${printable(finding.detail)}\n`
      return finding.state === 'ok' ? line : `${line}${indent}-> ${printable(finding.remedy)}\n`
    })
    .join('')
}

const marks: Record<Finding['state'], string> = {
  ok: 'ok     ',
  warning: 'warning',
  failed: 'FAILED ',
}
const indent = ' '.repeat(8)
