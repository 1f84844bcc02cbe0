import { type DaemonStart, printJson } from '@plexd/runtime'
import { Command } from 'commander'
import { addTokenReset } from './commands/admin-token.ts'
import { addBackupCreate } from './commands/backup.ts'
import { addBugreport } from './commands/bugreport.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfigCheck } from './commands/config-check.ts'
import { addDoctor } from './commands/doctor.ts'
import { addMigrateDatabase } from './commands/migrate-database.ts'
import { addReady } from './commands/ready.ts'
import { addRestore, addVerify } from './commands/restore.ts'
import { addServe } from './commands/serve.ts'
import { version } from './version.ts'

/** The command line of the control plane. `daemonStart` is what the server was told. */
export function createProgram(daemonStart?: DaemonStart): Command {
  const program = new Command('plexd-control-plane')
    .description('The control plane of plexd: holds what nodes should be, and tells them')
    .version(version)
  addVersion(program.command('version'))
  addServe(program.command('serve'), daemonStart)
  addDoctor(program.command('doctor'))
  addReady(program.command('ready'))
  addBugreport(program.command('bugreport'))
  addConfigCheck(program.command('config').description('the config file').command('check'))
  const token = program.command('admin-token').description('the token of the first operator')
  addTokenReset(token.command('reset'))
  const backup = program.command('backup').description('backups of this control plane')
  addBackupCreate(backup.command('create'))
  addVerify(backup.command('verify'))
  addRestore(program.command('restore'))
  addMigrateDatabase(program.command('migrate-database'))
  addCompletion(program.command('completion'), program)
  return program
}

function addVersion(command: Command): void {
  command
    .description('print the version')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson({ version })
      else process.stdout.write(`plexd-control-plane version ${version}\n`)
    })
}
