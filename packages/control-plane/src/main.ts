#!/usr/bin/env -S node --disable-sigusr1
import { runCli } from '@plexd/runtime'
import { createProgram } from './program.ts'
import { limitThreadPool } from './thread-pool.ts'

limitThreadPool()
const [, , ...argv] = process.argv
await runCli(createProgram(), argv)
