import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runModule } from '../testing/child.ts'
import { jsonText, printJson } from './cli.ts'

const imports = `
  import { ApiError } from ${JSON.stringify(import.meta.resolve('@plexd/protocol'))}
  import { Command } from ${JSON.stringify(import.meta.resolve('commander'))}
  import { CliError, runCli } from ${JSON.stringify(import.meta.resolve('./cli.ts'))}`

describe('runCli', () => {
  it('ends with the exit code of a failure', async () => {
    const failures = [
      `new CliError('x')`,
      `new CliError('x', 3)`,
      `new ApiError('bad_request', 'x')`,
      `new ApiError('unauthorized', 'x')`,
      `new ApiError('forbidden', 'x')`,
      `new ApiError('not_found', 'x')`,
      `new ApiError('internal', 'x')`,
      `new ApiError('unavailable', 'x')`,
      `new Error('x')`,
      `'x'`,
    ]
    const { stdout, stderr } = await runModule(`${imports}
      for (const error of [${failures.join(', ')}]) {
        await runCli(new Command('prog').action(() => { throw error }), [])
        console.log(process.exitCode)
      }`)

    assert.equal(stdout.trim().split('\n').join(' '), '1 3 2 4 4 3 1 5 1 1')
    assert.equal(stderr, 'prog: x\n'.repeat(failures.length))
  })

  it('prints a failure with its causes in one line, and nothing that drives the terminal', async () => {
    const { code, stderr } = await runModule(`${imports}
      const cause = new Error('first\\n  second\\u001b[2J')
      await runCli(new Command('prog').action(() => { throw new CliError('read file', 1, { cause }) }), [])`)

    assert.equal(stderr, 'prog: read file: first second?[2J\n')
    assert.equal(code, 1)
  })

  it('fails when what it prints cannot be written', async () => {
    const { code, stderr } = await runModule(`${imports}
      import { closeSync, openSync } from 'node:fs'
      closeSync(1)
      openSync('/dev/full', 'w')
      await runCli(new Command('prog').action(() => { process.stdout.write('x') }), [])`)

    assert.match(stderr, /^prog: write output: [^\n]*ENOSPC[^\n]*\n$/)
    assert.equal(code, 1)
  })

  it('ends with 2 for a command line that is wrong, at any depth, and with 0 for help', async () => {
    const { stdout } = await runModule(`${imports}
      const lines = [['nod'], ['node', 'lst'], ['node', 'list', '--wrong'], ['node', 'list', 'more'], ['--help'], ['node', 'list', '--help'], ['nod', '--help'], ['help', 'nod'], ['node', 'lst', '--help']]
      for (const argv of lines) {
        const program = new Command('prog').configureOutput({ writeOut() {}, writeErr() {} })
        program.command('node').command('list').action(() => {})
        process.exitCode = 0
        await runCli(program, argv)
        console.log(process.exitCode)
      }`)

    assert.equal(stdout.trim().split('\n').join(' '), '2 2 2 2 0 0 2 2 2')
  })
})

describe('jsonText', () => {
  it('escapes every control character, and means the same', () => {
    const value = { 'a\u009b': '\u0000\u001b\u007f\u0085ü\u2028' }

    assert.equal(jsonText(value), '{"a\\u009b":"\\u0000\\u001b\\u007f\\u0085ü\\u2028"}')
    assert.deepEqual(JSON.parse(jsonText(value, 2)), value)
  })

  it('prints nothing as null', () => assert.equal(jsonText(undefined), 'null'))
})

describe('printJson', () => {
  it('prints pretty JSON and a newline', () => {
    let written = ''

    printJson(
      { a: [1] },
      {
        write: (text) => {
          written += text
        },
      },
    )

    assert.equal(written, '{\n  "a": [\n    1\n  ]\n}\n')
  })
})
