import { pathFault } from '../files/path-fault.ts'
import { describeError } from '../log/log.ts'
import type { Credential } from '../service/credentials.ts'
import { printable } from '../text/printable.ts'
import { exitCodes, printJson } from './cli.ts'
import { readConfigFile } from './config-file.ts'

/** A fault in a config file. */
export interface ConfigFinding {
  /** Its path in the file, such as `mesh.listen_port`; empty for the file as a whole. */
  key: string
  /** `error`: the program would not start. `missing`: what it points to is not there. `ignored`: an unknown key without effect. */
  state: 'error' | 'missing' | 'ignored'
  detail: string
  did_you_mean?: string
}

/** For an unknown key. */
export function unknownKey(key: string, meant: string | undefined): ConfigFinding {
  const detail = 'there is no such setting'
  return { key, state: 'ignored', detail, ...(meant === undefined ? {} : { did_you_mean: meant }) }
}

/** For a setting that points to what has to be there: nothing if it is. */
export function missingPath(
  key: string,
  path: unknown,
  wanted: 'file' | 'folder' | undefined,
): ConfigFinding[] {
  if (typeof path !== 'string' || wanted === undefined) return []
  const detail = pathFault(path, wanted)
  return detail === undefined ? [] : [{ key, state: 'missing', detail }]
}

/** All faults of a config file: those that `examine` finds in its mapping, or why there is none. */
export async function examineConfigFile(
  path: string,
  examine: (mapping: Record<string, unknown>) => ConfigFinding[] | Promise<ConfigFinding[]>,
): Promise<ConfigFinding[]> {
  const fault = (detail: string): ConfigFinding[] => [{ key: '', state: 'error', detail }]
  try {
    const mapping = await readConfigFile(path)
    return mapping ? await examine(mapping) : fault('there is no such file')
  } catch (error) {
    return fault(describeError(error))
  }
}

/** A credential of systemd that is there for a setting, by its key. */
export interface SeenCredential extends Credential {
  key: string
  /** Whether the config file leaves it to the credential. */
  is_used: boolean
}

/** Prints them, and where secrets come from that the file does not name. Exit code 2 if the program would not start, 1 if something in the file has no effect, or points to nothing. */
export function tellConfigFindings(
  file: string,
  findings: readonly ConfigFinding[],
  { json, credentials = [] }: { json?: boolean | undefined; credentials?: SeenCredential[] },
): void {
  if (json) printJson({ file, findings, credentials })
  else process.stdout.write(formatConfigFindings(file, findings) + formatCredentials(credentials))
  if (findings.some(({ state }) => state === 'error')) process.exitCode = exitCodes.usage
  else if (findings.length > 0) process.exitCode = exitCodes.failed
}

function formatConfigFindings(file: string, findings: readonly ConfigFinding[]): string {
  if (findings.length === 0) return `"${printable(file)}": nothing is wrong\n`
  return findings.map((finding) => `${printable(formatFinding(finding))}\n`).join('')
}

function formatCredentials(credentials: readonly SeenCredential[]): string {
  const lines = credentials.map(({ key, name, file, is_used }) =>
    is_used
      ? `${key}: the credential ${name}, "${file}"`
      : `${key}: the file wins over the credential ${name}`,
  )
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function formatFinding({ key, state, detail, did_you_mean }: ConfigFinding): string {
  const name = key === '' ? '' : `${key}: `
  const meant = did_you_mean === undefined ? '' : `: did you mean "${did_you_mean}"?`
  return `${state.padEnd(8)} ${name}${detail}${meant}`
}
