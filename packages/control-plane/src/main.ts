#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=8
import { beginDaemon, runCli } from '@plexd/runtime'
import { limitThreadPool } from './start/thread-pool.ts'

const [, , ...argv] = process.argv
// Before anything that takes time. Other commands keep the default: closing their terminal ends them.
const daemonStart = argv[0] === 'serve' ? beginDaemon() : undefined
limitThreadPool()
const { createProgram } = await import('./program.ts')
await runCli(createProgram(daemonStart), argv)
