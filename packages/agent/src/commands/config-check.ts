import { tellConfigFindings } from '@plexd/runtime'
import { defaultConfigFile, examineConfigFile } from '../config.ts'

/** Reads the file as `plexd up` would, and changes nothing. */
export async function runConfigCheck(
  file: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const path = file ?? process.env.PLEXD_CONFIG ?? defaultConfigFile
  tellConfigFindings(path, await examineConfigFile(path), options)
}
