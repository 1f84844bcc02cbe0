import { systemClock } from '@plexd/runtime'
import type { Command } from 'commander'
import { settings } from '../config/settings.ts'

const examples = `
Examples:
  # When the token is lost: the old one is worth nothing afterwards, other operators keep theirs.
  systemctl stop plexd-control-plane
  plexd-control-plane admin-token reset --data-dir /var/lib/plexd-control-plane
  systemctl start plexd-control-plane
`

export function addTokenReset(command: Command): void {
  command
    .description('make it anew on the machine of the control plane, which must not be running')
    .option('--data-dir <DIR>', 'its data folder', settings.dataDir.default)
    .addHelpText('after', examples)
    .action(async ({ dataDir }: { dataDir: string }) => {
      const { resetAdminToken } = await import('../start/admin-token-reset.ts')
      const path = await resetAdminToken(dataDir, systemClock.now())
      process.stdout.write(`the new token is in ${path}\n`)
    })
}
