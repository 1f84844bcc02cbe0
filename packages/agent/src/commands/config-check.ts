import {
  type ConfigFinding,
  describeError,
  examineConfigFile,
  findCredentials,
  type SeenCredential,
  tellConfigFindings,
  withCredentialsOf,
} from '@plexd/runtime'
import { defaultConfigFile } from '../config/agent-config.ts'
import { configForm } from '../config/config-form.ts'
import { readForm } from '../config/form.ts'
import { examineConfig } from '../config/load-config.ts'
import { faultOfLogFile } from '../config/log-files.ts'
import { credentialNames, settings } from '../config/settings.ts'
import { findFiles, isGlob } from '../telemetry/logs/files/find-files.ts'
import { compilePattern } from '../telemetry/logs/records/pattern.ts'
import { type Flags, type Json, serviceUnit } from './given/flags.ts'

/** Checks the file as `plexd up` would, and changes nothing. */
export async function runConfigCheck(
  _flags: Flags,
  { file, json }: Json & { file?: string },
): Promise<void> {
  const path = file ?? process.env.PLEXD_CONFIG ?? defaultConfigFile
  let credentials: SeenCredential[] = []
  const findings = await examineConfigFile(path, async (mapping) => {
    credentials = seenCredentials(mapping)
    return examineAll(mapping)
  })
  tellConfigFindings(path, findings, { json, credentials })
}

async function examineAll(mapping: Record<string, unknown>): Promise<ConfigFinding[]> {
  return [
    ...examineConfig(mapping),
    ...(await examinePatterns(mapping)),
    ...(await examineFolders(mapping)),
  ]
}

function seenCredentials(mapping: Record<string, unknown>): SeenCredential[] {
  const given = readForm(mapping, configForm).settings
  const found = findCredentials(credentialNames, withCredentialsOf(serviceUnit))
  return Array.from(found, ([name, credential]) => ({
    key: settings[name].keys[0],
    ...credential,
    is_used: given[name] === undefined,
  }))
}

/** With one that cannot be used, plexd starts and sends no logs. */
async function examinePatterns(mapping: Record<string, unknown>): Promise<ConfigFinding[]> {
  const { logsRedact = [], logsMultiline = [] } = readForm(mapping, configForm).settings
  return [
    ...(await faultsOf('logs.redact', logsRedact)),
    ...(await faultsOf('logs.multiline', [logsMultiline].flat())),
  ]
}

/** What is a folder on this machine is no log. */
async function examineFolders(mapping: Record<string, unknown>): Promise<ConfigFinding[]> {
  const { logsFiles = [] } = readForm(mapping, configForm).settings
  const paths = logsFiles.filter((one) => !isGlob(one) && faultOfLogFile(one) === undefined)
  const found = await Promise.all(paths.map(async (path) => ({ path, ...(await findFiles(path)) })))
  return found.flatMap(({ path, problems }) =>
    problems.map((problem) => ({
      key: 'logs.files',
      state: 'ignored' as const,
      detail: `${JSON.stringify(path)}: ${problem}`,
    })),
  )
}

async function faultsOf(key: string, patterns: readonly string[]): Promise<ConfigFinding[]> {
  const tried = await Promise.allSettled(patterns.map((text) => compilePattern(key, text)))
  return tried.flatMap((one) => {
    if (one.status === 'fulfilled') return []
    // The key is shown beside it.
    const detail = describeError(one.reason).replace(`${key}: `, '')
    return [{ key, state: 'error', detail }]
  })
}
