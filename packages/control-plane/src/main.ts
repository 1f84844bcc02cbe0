#!/usr/bin/env -S node --disable-sigusr1
import { heedSignals, runCli } from '@plexd/runtime'
import { limitThreadPool } from './start/thread-pool.ts'

const [, , ...argv] = process.argv
// Before all that takes time. Who runs another command at a terminal, and closes that, wants it to end.
const reloadRequests = argv[0] === 'serve' ? heedSignals() : undefined
limitThreadPool()
const { createProgram } = await import('./program.ts')
await runCli(createProgram(reloadRequests), argv)
