import { exitCodes, printJson } from './cli.ts'
import { printable } from './printable.ts'

/** What is wrong in a config file. */
export interface ConfigFinding {
  /** Its path in the file, as `mesh.listen_port`; empty for the file as a whole. */
  key: string
  /** `error`: no program starts with it. `ignored`: nothing knows it, so it does nothing. */
  state: 'error' | 'ignored'
  detail: string
  did_you_mean?: string
}

/** Of a key that nothing knows. */
export function unknownKey(key: string, meant: string | undefined): ConfigFinding {
  const detail = 'there is no such setting'
  return { key, state: 'ignored', detail, ...(meant === undefined ? {} : { did_you_mean: meant }) }
}

/** Prints them. Exit code 2 where no program would start, 1 where something in the file does nothing. */
export function tellConfigFindings(
  file: string,
  findings: readonly ConfigFinding[],
  { json }: { json?: boolean | undefined },
): void {
  if (json) printJson({ file, findings })
  else process.stdout.write(formatConfigFindings(file, findings))
  if (findings.some(({ state }) => state === 'error')) process.exitCode = exitCodes.usage
  else if (findings.length > 0) process.exitCode = exitCodes.failed
}

export function formatConfigFindings(file: string, findings: readonly ConfigFinding[]): string {
  if (findings.length === 0) return `"${printable(file)}": nothing is wrong\n`
  return findings.map((finding) => `${printable(formatFinding(finding))}\n`).join('')
}

function formatFinding({ key, state, detail, did_you_mean }: ConfigFinding): string {
  const name = key === '' ? '' : `${key}: `
  const meant = did_you_mean === undefined ? '' : `: did you mean "${did_you_mean}"?`
  return `${state.padEnd(8)} ${name}${detail}${meant}`
}
