import { readJoin } from '@plexd/protocol'
import {
  describeError,
  errorCodeOf,
  isMissing,
  readConfigFile,
  readPlainFile,
  secretValues,
} from '@plexd/runtime'
import { type AgentConfig, defaultConfigFile } from '../config/agent-config.ts'
import { openOfflineNode } from '../standalone/offline-node.ts'

export interface FoundSecrets {
  secrets: string[]
  /** Some could not be read. */
  isBlind: boolean
  /** Why, for people. */
  notes: string[]
}

/** All secrets that this machine has for plexd, from wherever we may read, so that none gets into a report. */
export async function findSecrets(
  config: AgentConfig,
  { file, env }: { file: string | undefined; env: NodeJS.ProcessEnv },
): Promise<FoundSecrets> {
  const sources: Record<string, () => string[] | Promise<string[]>> = {
    'identity and peers': async () => [...(await openOfflineNode(config)).secrets()],
    'token file': () => linesOf(config.tokenFile),
    'join file': () => linesOf(config.joinFile).flatMap(partsOfJoin),
    'token of the Local Node API': () => linesOf(config.httpTokenFile),
    'config file': async () =>
      secretValues(await readConfigFile(file ?? env.PLEXD_CONFIG ?? defaultConfigFile)),
    environment: () => secretValues(env),
  }
  const found: FoundSecrets = { secrets: [], isBlind: false, notes: [] }
  for (const [name, read] of Object.entries(sources)) {
    try {
      found.secrets.push(...(await read()))
    } catch (error) {
      found.isBlind = true
      const remedy = isDenied(error) ? ': run this as root for a whole report' : ''
      found.notes.push(`secrets of the ${name} are not known: ${describeError(error)}${remedy}`)
    }
  }
  return found
}

function isDenied(error: unknown): boolean {
  const code = errorCodeOf(error) ?? errorCodeOf((error as Error).cause)
  return code === 'EACCES' || code === 'EPERM'
}

function linesOf(path: string | undefined): string[] {
  if (path === undefined || path === '' || path === '-') return []
  try {
    return readPlainFile(path, `read "${path}"`).split('\n').filter(Boolean)
  } catch (error) {
    if (isMissing(error) || isMissing((error as Error).cause)) return []
    throw error
  }
}

function partsOfJoin(text: string): string[] {
  try {
    return [text, readJoin(text).token]
  } catch {
    return [text] // damaged, and perhaps a secret all the same
  }
}
