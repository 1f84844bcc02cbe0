import { join } from 'node:path'
import {
  describeError,
  isMissing,
  readConfigFile,
  readPlainFile,
  secretValues,
} from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { masterKeyPath } from '../seal/master-key.ts'
import type { GivenSettings } from './config-part.ts'

/** All secrets that this machine has for its control plane in files, so that none gets into a report. What is sealed in the database is never read. */
export async function findSecrets(
  config: Pick<Config, 'dataDir' | 'masterKeyFile' | 'caKeyFile' | 'tlsKeyFile'>,
  { env, file }: GivenSettings,
): Promise<{ secrets: string[]; isBlind: boolean; notes: string[] }> {
  const { dataDir, caKeyFile, tlsKeyFile } = config
  const files = [
    masterKeyPath(config),
    caKeyFile ?? join(dataDir, 'tls/ca.key'),
    tlsKeyFile ?? join(dataDir, 'tls/server.key'),
    join(dataDir, 'admin-token'),
  ]
  const secrets = secretValues(env)
  const notes: string[] = []
  const attempts = [
    ...files.map((path) => () => linesOf(path)),
    async () => secretValues(file === undefined ? undefined : await readConfigFile(file)),
  ]
  for (const attempt of attempts) {
    try {
      secrets.push(...(await attempt()))
    } catch (error) {
      notes.push(`a secret is not known: ${describeError(error)}: run this as root, or as its user`)
    }
  }
  return { secrets, isBlind: notes.length > 0, notes }
}

/** The lines of PEM without its first and last. */
function linesOf(path: string): string[] {
  try {
    const lines = readPlainFile(path, `read "${path}"`).split('\n')
    return lines.filter((line) => line !== '' && !line.startsWith('-----'))
  } catch (error) {
    if (isMissing(error) || isMissing((error as Error).cause)) return []
    throw error
  }
}
