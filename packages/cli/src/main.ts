#!/usr/bin/env -S node --disable-sigusr1
import { runCli } from '@plexd/runtime'
import { createProgram } from './program.ts'
import { systemIo } from './terminal/io.ts'

const [, , ...argv] = process.argv
// No `--version` option on the program: it would swallow that of `artifact upload`.
const asked = argv[0] === '--version' || argv[0] === '-V' ? ['version'] : argv
await runCli(createProgram(systemIo()), asked)
