import { existsSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import {
  type Check,
  describeError,
  errorCodeOf,
  type Finding,
  failed,
  isCredential,
  keptFault,
  ok,
  ownersHere,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { identityFiles } from '../identity/identity.ts'
import { ownersOfTyped } from '../identity/own-secret.ts'
import { draftPath } from '../registration/used-files.ts'

export const secretFilesCheck: Check<AgentConfig> = { name: 'secret files', run: checkSecretFiles }

/** Each file with a key or a token, by the same rule that plexd applies when it reads it. */
async function checkSecretFiles(config: AgentConfig): Promise<Finding> {
  const { dataDir, tokenFile, joinFile, httpEnabled, httpTokenFile } = config
  const ours = [...identityFiles(dataDir), draftPath(dataDir)]
  if (httpEnabled && httpTokenFile !== undefined) ours.push(httpTokenFile)
  const findings = [
    ...ours.map((path) => look(path, ownersHere(dataDir))),
    look(tokenFile, ownersOfTyped(process.env, dataDir)),
    look(joinFile, ownersOfTyped(process.env, dataDir)),
  ].filter((finding) => finding !== undefined)
  return (
    findings.find(({ state }) => state === 'failed') ??
    findings[0] ??
    ok(`kept from others${credentialsOf(config)}`)
  )
}

function credentialsOf({ tokenFile, joinFile, httpTokenFile = '', credentialsDir }: AgentConfig) {
  const files = [tokenFile, joinFile, httpTokenFile]
  const names = files
    .filter((file) => isCredential(file, credentialsDir) && existsSync(file))
    .map((file) => basename(file))
  return names.length === 0 ? '' : `; credentials of systemd: ${names.join(', ')}`
}

function look(path: string, owners: readonly number[]): Finding | undefined {
  try {
    const found = statSync(path)
    const fault = keptFault(path, found, owners)
    return fault && failed(`"${path}": ${fault.reason}`, fault.remedy)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCodeOf(error) ?? '')) return undefined
    return warning(`"${path}": ${describeError(error)}`, 'sudo plexd doctor')
  }
}
