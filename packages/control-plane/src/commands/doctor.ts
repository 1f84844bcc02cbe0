import { systemClock, tellFindings } from '@plexd/runtime'
import type { Command } from 'commander'
import { addSettings, configOf } from './given-settings.ts'

const examples = `
Examples:
  # As root, or as its user; with the settings that it is started with, if those are not in the packages' file.
  plexd-control-plane doctor
  plexd-control-plane doctor --data-dir ./data --listen 127.0.0.1:8443 --json

It changes nothing, and the control plane may run meanwhile.
Exit code: 0 all is well, or there are warnings only; 1 something has to be mended; 2 wrong usage or settings.
`

export function addDoctor(command: Command): void {
  addSettings(command)
    .description('look for what this control plane lacks, and say what to do')
    .option('--json', 'print JSON: a list of check, state, detail and remedy')
    .addHelpText('after', examples)
    .action(async ({ json, ...options }: { json?: boolean; [setting: string]: unknown }) => {
      const { examineControlPlane } = await import('../doctor/doctor.ts')
      tellFindings(await examineControlPlane(await configOf(options), systemClock.now()), { json })
    })
}
