import type { Command } from 'commander'
import { addSettings, configOf } from './given-settings.ts'

const examples = `
Examples:
  # For health checks that run a command, such as those of containers.
  plexd-control-plane ready --data-dir /var/lib/plexd-control-plane

  # Of one of several on a database, as a check whether it lives.
  plexd-control-plane ready --or-waiting

Exit code: 0 it is ready; 1 it answers, and is not; 2 wrong usage or settings; 5 no answer.
`

interface Given {
  json?: boolean
  orWaiting?: boolean
  [setting: string]: unknown
}

export function addReady(command: Command): void {
  addSettings(command)
    .description('ask the control plane on this machine whether it is ready, as /readyz tells')
    .option('--json', 'print JSON: the answer of /readyz')
    .option('--or-waiting', 'exit with 0 also while it waits for another one, which serves')
    .addHelpText('after', examples)
    .action(async ({ json = false, orWaiting = false, ...options }: Given) => {
      const { tellReady } = await import('../doctor/ready.ts')
      await tellReady(await configOf(options), { json, orWaiting })
    })
}
