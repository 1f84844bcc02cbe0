import { createLog, systemClock } from '@plexd/runtime'
import type { Command } from 'commander'
import { addSettings, configOf } from './given-settings.ts'

const examples = `
Examples:
  # When the token is lost: the old one is worth nothing afterwards, other operators keep theirs.
  systemctl stop plexd-control-plane
  plexd-control-plane admin-token reset
  systemctl start plexd-control-plane
`

export function addTokenReset(command: Command): void {
  addSettings(command, ['dataDir', 'databaseUrl', 'databasePasswordFile'])
    .description('make it anew on the machine of the control plane, which must not be running')
    .addHelpText('after', examples)
    .action(async (options: Record<string, unknown>) => {
      const config = await configOf(options)
      const { resetAdminToken } = await import('../start/admin-token-reset.ts')
      const log = createLog('plexd-control-plane', config.logLevel)
      const path = await resetAdminToken(config, { clock: systemClock, log })
      process.stdout.write(`the new token is in ${path}\n`)
    })
}
