import { describeError, readSince } from '@plexd/runtime'
import type { Command } from 'commander'
import { resolveConfig } from '../config/config.ts'
import { addSettings, configFileOf, configOf, flagSettings } from './given-settings.ts'

const examples = `
Examples:
  # As root, or as its user; with the settings that it is started with, if those are not in the packages' file. Look before you send it.
  plexd-control-plane bugreport

  # With the log of a day, on a machine whose disk is full.
  ssh cp sudo plexd-control-plane bugreport --since 24h --out - > cp.tar.gz

The control plane may run, hang or be down. No key, no token and no row of the database is in it.
Exit code: 0 it was made; 1 it could not be written; 2 wrong usage or settings.
`

interface ReportOptions {
  out?: string
  since: string
  json?: boolean
  [setting: string]: unknown
}

export function addBugreport(command: Command): void {
  addSettings(command)
    .description('gather what support wants to see in one file, without a secret')
    .option('--out <FILE>', 'a new file, or "-" for stdout; named by machine and time by default')
    .option('--since <DURATION>', 'how far back the log goes', '1h')
    .option('--json', 'print JSON: file, bytes, notes, and a list of parts')
    .addHelpText('after', examples)
    .action(async ({ out, since, json, ...options }: ReportOptions) => {
      const { saveReport } = await import('../bugreport/save-report.ts')
      const flags = flagSettings(options)
      const given = { flags, env: process.env, file: configFileOf(options, process.env) }
      const notes: string[] = []
      // A report is wanted most when the settings are wrong.
      const config = await configOf(options).catch((error: unknown) => {
        notes.push(`the settings cannot be read: ${describeError(error)}`)
        return resolveConfig({ flags, env: {}, file: {} })
      })
      await saveReport(config, given, { out, json, notes, sinceMs: readSince(since) })
    })
}
