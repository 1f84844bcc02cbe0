import { tellConfigFindings } from '@plexd/runtime'
import { defaultConfigFile } from '../config/agent-config.ts'
import { examineConfigFile } from '../config/load-config.ts'

/** Checks the file as `plexd up` would, and changes nothing. */
export async function runConfigCheck(
  file: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const path = file ?? process.env.PLEXD_CONFIG ?? defaultConfigFile
  tellConfigFindings(path, await examineConfigFile(path), options)
}
