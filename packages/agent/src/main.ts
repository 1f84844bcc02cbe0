#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=2 --v8-pool-size=1
import { beginDaemon } from '@plexd/runtime'
import { printVersion } from './commands/version.ts'

const argv = process.argv.slice(2)
// Before all that takes time. Who runs another command at a terminal, and closes that, wants it to end.
const daemonStart = argv[0] === 'up' ? beginDaemon() : undefined
const rest = argv.slice(1).filter((word) => word !== '--json')
// Answered before the rest is loaded: installers and health checks ask for it often.
if (['version', '--version', '-V'].includes(argv[0] ?? '') && rest.length === 0) {
  printVersion(argv.includes('--json'))
} else {
  const [{ runCli }, { createProgram }] = await Promise.all([
    import('@plexd/runtime'),
    import('./program.ts'),
  ])
  await runCli(createProgram(daemonStart), argv)
}
