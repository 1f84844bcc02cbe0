import { systemClock } from '@plexd/runtime'
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
  addSettings(command, ['dataDir'])
    .description('make it anew on the machine of the control plane, which must not be running')
    .addHelpText('after', examples)
    .action(async (options: Record<string, unknown>) => {
      const { dataDir } = await configOf(options)
      const { resetAdminToken } = await import('../start/admin-token-reset.ts')
      const path = await resetAdminToken(dataDir, systemClock.now())
      process.stdout.write(`the new token is in ${path}\n`)
    })
}
