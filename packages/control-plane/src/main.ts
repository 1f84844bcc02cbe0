#!/usr/bin/env node
import { runCli } from '@plexd/runtime'
import { createProgram } from './program.ts'

const [, , ...argv] = process.argv
await runCli(createProgram(), argv)
