import type { Command } from 'commander'
import { addSettings, configOf } from './given-settings.ts'

const examples = `
Examples:
  # For health checks that run a command, such as those of containers.
  plexd-control-plane ready --data-dir /var/lib/plexd-control-plane

Exit code: 0 it is ready; 1 it answers, and is not; 2 wrong usage or settings; 5 no answer.
`

export function addReady(command: Command): void {
  addSettings(command)
    .description('ask the control plane on this machine whether it is ready, as /readyz tells')
    .option('--json', 'print JSON: the answer of /readyz')
    .addHelpText('after', examples)
    .action(
      async ({ json = false, ...options }: { json?: boolean; [setting: string]: unknown }) => {
        const { tellReady } = await import('../doctor/ready.ts')
        await tellReady(await configOf(options), { json })
      },
    )
}
