import type { HookList } from '@plexd/protocol'
import { CliError, describeError, errorCodeOf, exitCodes, ownersHere } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Announced, readAnnounced } from './announced.ts'
import { findHooks } from './files/find-hooks.ts'
import { describeHook } from './hook-status.ts'
import { judge } from './judge.ts'

/** All hooks as a daemon with this config would find them now. Changes nothing. Rejects with a CliError if files cannot be read. */
export async function lookAtHooks(
  config: Pick<AgentConfig, 'dataDir' | 'hooksDir' | 'hookDefinitions' | 'limits'>,
): Promise<HookList> {
  const { dataDir, hooksDir } = config
  try {
    const announced: Announced = readAnnounced(dataDir)
    const { hooks, warnings } = await findHooks({ ...config, owners: ownersHere(dataDir) })
    return { hooks: judge(hooks, announced).map(describeHook), warnings }
  } catch (error) {
    const isDenied = ['EACCES', 'EPERM'].includes(errorCodeOf(error) ?? '')
    throw new CliError(
      `verify the hooks in "${hooksDir}" against "${dataDir}": ${describeError(error)}${isDenied ? ': run as root' : ''}`,
      isDenied ? exitCodes.denied : exitCodes.failed,
    )
  }
}
