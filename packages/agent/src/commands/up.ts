import { createLog, runUntilSignal } from '@plexd/runtime'
import { startAgent } from '../agent.ts'
import { type Flags, loadConfigFor } from './flags.ts'

/** Runs until SIGTERM or SIGINT. */
export async function runUp(flags: Flags): Promise<void> {
  const config = await loadConfigFor(flags)
  const log = createLog('plexd', config.logLevel)
  await runUntilSignal((signal) => startAgent(config, { log, signal }), { log })
}
