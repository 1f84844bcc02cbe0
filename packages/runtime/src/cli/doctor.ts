import { systemRemedy } from '../files/system-remedy.ts'
import { describeError } from '../log/log.ts'
import { printable } from '../text/printable.ts'
import { exitCodes, printJson } from './cli.ts'

/** A check of one thing that a program needs. Checks run concurrently, and change nothing. */
export interface Check<Subject> {
  name: string
  run(subject: Subject): Promise<Finding>
}

export type Finding =
  | { state: 'ok'; detail: string }
  /** `remedy`: the command to run, or what to do. */
  | { state: 'warning' | 'failed'; detail: string; remedy: string }

export type NamedFinding = { check: string } & Finding

export const ok = (detail: string): Finding => ({ state: 'ok', detail })
export const warning = withRemedy('warning')
export const failed = withRemedy('failed')

function withRemedy(state: 'warning' | 'failed'): (detail: string, remedy: string) => Finding {
  return (detail, remedy) => ({ state, detail, remedy })
}

/** Runs all checks and keeps their order. One that throws counts as failed, so that the others are still shown. */
export function examine<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
): Promise<NamedFinding[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => ({
      check: name,
      ...(await run(subject).catch((error: unknown) =>
        failed(
          `it cannot be checked: ${describeError(error)}`,
          systemRemedy(error, 'run this as root'),
        ),
      )),
    })),
  )
}

/** Prints them. Exit code 1 if something has to be fixed; warnings leave it at 0. */
export function tellFindings(
  findings: readonly NamedFinding[],
  { json }: { json?: boolean | undefined },
): void {
  if (json) printJson(findings)
  else process.stdout.write(formatFindings(findings))
  if (findings.some(({ state }) => state === 'failed')) process.exitCode = exitCodes.failed
}

export function formatFindings(findings: readonly NamedFinding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2
  return findings
    .map((finding) => {
      const line = `${marks[finding.state]} ${`${finding.check}:`.padEnd(width)}${printable(finding.detail)}\n`
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
