import { type ConfigSources, readEnvironment, readFile } from './load-config.ts'
import { recallSettings } from './remembered.ts'
import { type SettingName, settingRows } from './settings.ts'

/** Where the value of each setting comes from, for people. Rejects as `loadConfig` does. */
export async function settingSources(
  { flags, file, env, log }: ConfigSources,
  dataDir: string,
): Promise<Record<SettingName, string>> {
  const fromFile = await readFile(file ?? env.PLEXD_CONFIG, log)
  const fromEnvironment = readEnvironment(env)
  const given = { ...fromFile, ...fromEnvironment, ...flags }
  const remembered = await recallSettings(dataDir, given, log)
  const sources = settingRows.map(([name, { env: variable, flag }]) => [
    name,
    flags[name] !== undefined
      ? `option ${flag?.split(' ', 1)[0]}`
      : fromEnvironment[name] !== undefined
        ? `environment variable ${variable}`
        : fromFile[name] !== undefined
          ? 'config file'
          : remembered[name] !== undefined
            ? 'remembered from the enrolment'
            : 'default',
  ])
  return Object.fromEntries(sources)
}
