import {
  CliError,
  examineConfigFile,
  exitCodes,
  type SeenCredential,
  tellConfigFindings,
} from '@plexd/runtime'
import type { Command } from 'commander'
import { examineConfig } from '../config/config.ts'
import { configFileOf, givenCredentials, packagedFile } from './given-settings.ts'

const examples = `
Examples:
  plexd-control-plane config check /etc/plexd/control-plane.yaml

Exit code: 0 all is well; 1 something that it names is not there; 2 it would not start.
`

export function addConfigCheck(command: Command): void {
  command
    .description('look for what is wrong or mistyped in it, and change nothing')
    .argument('[FILE]', `where PLEXD_CP_CONFIG points when left out, or else ${packagedFile}`)
    .option('--json', 'print JSON: the file, and a list of key, state, detail and did_you_mean')
    .addHelpText('after', examples)
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      await checkConfig(file ?? configFileOf({}, process.env), options)
    })
}

async function checkConfig(path: string | undefined, options: { json?: boolean }): Promise<void> {
  if (path === undefined)
    throw new CliError('check config: want the name of a file', exitCodes.usage)
  const found = givenCredentials()
  const files = Object.fromEntries(Array.from(found, ([key, { file }]) => [key, file]))
  let credentials: SeenCredential[] = []
  const findings = await examineConfigFile(path, (mapping) => {
    credentials = Array.from(found, ([key, credential]) => {
      return { key, ...credential, is_used: mapping[key] === undefined }
    })
    return examineConfig(mapping, files)
  })
  tellConfigFindings(path, findings, { ...options, credentials })
}
