import { describeError } from '@plexd/runtime'
import type { RunningApp } from '../app.ts'
import type { Config } from '../config/config.ts'
import { reloadConfig } from '../config/reload.ts'

/** Takes those settings that may change, and reports those that may not. Rejects if they cannot be read, which is shown until they can. */
export async function reloadSettings(app: RunningApp, read: () => Promise<Config>): Promise<void> {
  const { config, needsRestart } = reloadConfig(app.config, await readAgain(app, read))
  app.reconfigure(config)
  app.reloaded({ needsRestart, error: undefined })
  if (needsRestart.length > 0)
    app.log.warn('settings change with the next start only', { settings: needsRestart })
}

async function readAgain(app: RunningApp, read: () => Promise<Config>): Promise<Config> {
  try {
    return await read()
  } catch (error) {
    app.reloaded({ ...app.reloads, error: describeError(error) })
    throw error
  }
}
