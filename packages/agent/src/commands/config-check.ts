import { examineConfigFile, tellConfigFindings } from '@plexd/runtime'
import { defaultConfigFile } from '../config/agent-config.ts'
import { examineConfig } from '../config/load-config.ts'
import type { Flags, Json } from './given/flags.ts'

/** Checks the file as `plexd up` would, and changes nothing. */
export async function runConfigCheck(
  _flags: Flags,
  { file, json }: Json & { file?: string },
): Promise<void> {
  const path = file ?? process.env.PLEXD_CONFIG ?? defaultConfigFile
  tellConfigFindings(path, await examineConfigFile(path, examineConfig), { json })
}
