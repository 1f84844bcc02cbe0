#!/usr/bin/env -S node --disable-sigusr1
import { runCli } from '@plexd/runtime'
import { whereIs } from './commands/setup/elsewhere.ts'
import { withNearNames } from './commands/setup/missing-name.ts'
import { connect } from './connection/connection.ts'
import { readSettings } from './connection/flags.ts'
import { createProgram } from './program.ts'
import { systemIo } from './terminal/io.ts'

const [, , ...argv] = process.argv
// No `--version` option on the program: it would swallow that of `artifact upload`.
const asked = argv[0] === '--version' || argv[0] === '-V' ? ['version'] : argv
const io = systemIo()
const program = createProgram(io)
await runCli(program, asked, {
  explain: (error) =>
    withNearNames(error, async () => connect(await readSettings(program.opts(), io.env))),
  whereIs,
})
