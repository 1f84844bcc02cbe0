import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { editConfig, undefinedIfMissing, writeFileAtomic } from '@plexd/runtime'
import { defaultConfigFile, type Settings } from '../../config/agent-config.ts'
import { type SettingName, settingRows } from '../../config/settings.ts'

/** Those that the daemon needs, too, when it is started without the command line of the setup. */
const kept: readonly SettingName[] = [
  'dataDir',
  'hostname',
  'mode',
  'logLevel',
  'socketPath',
  'hooksDir',
  'meshEnabled',
]

/**
 * Writes what was given on the command line into the config file, and leaves the rest of it as it is. Where the control plane is
 * does not belong there: enrolment remembers it, and a control plane that moves may tell another place. Resolves to the keys.
 */
export async function keepChosen(
  chosen: Settings,
  file = process.env.PLEXD_CONFIG ?? defaultConfigFile,
): Promise<{ file: string; keys: string[] }> {
  const values = chosenValues(chosen)
  const keys = values.map(([path]) => path.join('.'))
  if (keys.length === 0) return { file, keys }
  const before = (await readFile(file, 'utf8').catch(undefinedIfMissing)) ?? ''
  const text = await editConfig(before, values, file)
  if (text === before) return { file, keys: [] }
  await mkdir(dirname(file), { recursive: true, mode: 0o755 })
  await writeFileAtomic(file, text, { mode: await modeOf(file) })
  return { file, keys }
}

/** A file that is there may hold a token. A new one is for every user: it says where the socket is. */
async function modeOf(file: string): Promise<number> {
  const stats = await stat(file).catch(undefinedIfMissing)
  return stats === undefined ? 0o644 : stats.mode & 0o777
}

function chosenValues(chosen: Settings): [path: string[], value: unknown][] {
  return settingRows.flatMap(([name, { keys }]): [string[], unknown][] => {
    const value = chosen[name]
    return kept.includes(name) && value !== undefined ? [[keys[0].split('.'), value]] : []
  })
}
