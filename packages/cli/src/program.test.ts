import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { refuseUnknownHelp } from '@plexd/runtime'
import type { Command } from 'commander'
import { createProgram } from './program.ts'
import { systemIo } from './terminal/io.ts'
import { startBench } from './testing/run.ts'
import { aPage } from './testing/samples.ts'

describe('help', () => {
  for (const command of visible(createProgram(systemIo()))) {
    const path = pathOf(command)
    it(`of "${path}" has an example of it`, () => {
      let help = ''
      command
        .configureOutput({
          writeOut: (text) => {
            help += text
          },
        })
        .outputHelp()

      assert.match(help, new RegExp(`Examples:\n(?:.*\n)*.*${path}`))
    })
  }
})

describe('the help of a group', () => {
  for (const path of groupsOf(createProgram(systemIo())))
    it(`of "${path.join(' ') || 'all'}" is its own, and none is that of a word which is no command of it`, async () => {
      assert.match(await answerTo(...path, '--help'), helpOf(path))
      assert.match(await answerTo(...path, 'nothing', '--help'), isUnknown)
      assert.match(await answerTo(...path, 'help', 'nothing'), isUnknown)
    })

  it('is not shown for another word for a group', async () => {
    assert.match(
      await answerTo('alert', '--help'),
      /^error: unknown command 'alert'\n\(Did you mean alerts\?\)/,
    )
    assert.match(await answerTo('alert', 'list', '--help'), /^error: unknown command 'alert'/)
  })
})

describe('the examples of the help', () => {
  const all = [...visible(createProgram(systemIo()))].flatMap((command) => examplesOf(command))

  for (const example of new Set(all))
    it(`are command lines that plexctl takes: ${example}`, () => assertTaken(example))

  it('run actions that every node has', () => {
    const first = /^action run (?:(?:--node \S+ |--selector \S+ )+|\S+ )(\S+)/
    const actions = all.flatMap((line) => first.exec(line)?.[1] ?? [])
    assert.ok(actions.length > 0)
    assert.deepEqual([...new Set(actions)].sort(), ['health.check', 'system.info'])
  })
})

describe('words of other tools', () => {
  it('stand for ours', async () => {
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=500': aPage([]) })
    const ours = await bench.run(['node', 'list'])
    assert.deepEqual(await bench.run(['node', 'ls']), ours)
    const groups = createProgram(systemIo()).commands
    const words = groups.flatMap(({ commands }) => commands.flatMap((one) => one.aliases()))
    assert.deepEqual([...new Set(words)].sort(), ['get', 'ls', 'metadata', 'rm'])
  })
})

describe('global flags', () => {
  const replies = { 'GET /admin/v1/nodes?limit=500': aPage([]) }

  it('work before and behind the command', async () => {
    await using bench = await startBench(replies)
    const flags = [
      '--server',
      bench.server.url,
      '--token-file',
      await bench.file('t', 'flag-token'),
    ]
    const env = { PLEXCTL_SERVER: 'https://127.0.0.1:1', PLEXCTL_TOKEN_FILE: '/nowhere' }

    await bench.run([...flags, 'node', 'list'], { env })
    await bench.run(['node', ...flags, 'list'], { env })
    await bench.run(['node', 'list', ...flags], { env })

    assert.deepEqual(
      bench.server.requests.map(({ headers }) => headers.authorization),
      Array(3).fill('Bearer flag-token'),
    )
  })
})

describe('settings that cannot work', () => {
  const refusals: [title: string, env: Record<string, string>, message: RegExp][] = [
    [
      'no server',
      { PLEXCTL_SERVER: '' },
      /^no control plane given: use --server URL, set PLEXCTL_SERVER, or run/,
    ],
    [
      'no token',
      { PLEXCTL_TOKEN_FILE: '' },
      /^no admin token given: use --token-file F, set PLEXCTL_TOKEN_FILE/,
    ],
    [
      'no URL',
      { PLEXCTL_SERVER: 'cp.example' },
      /^use server "cp\.example" of PLEXCTL_SERVER: want a URL/,
    ],
    [
      'another scheme',
      { PLEXCTL_SERVER: 'ftp://cp.example' },
      /: want https:\/\/, or unix:\/\/\/PATH of the admin socket$/,
    ],
    ['a socket with two slashes', { PLEXCTL_SERVER: 'unix://a/b' }, /with three slashes$/],
    ['a password', { PLEXCTL_SERVER: 'https://a:b@cp.example' }, /want no user, query or fragment/],
    ['plain HTTP far away', { PLEXCTL_SERVER: 'http://cp.example' }, /for loopback addresses only/],
    [
      'plain HTTP to a name like a loopback address',
      { PLEXCTL_SERVER: 'http://127.0.0.1.example' },
      /loopback addresses only/,
    ],
    [
      'a token file that is not there',
      { PLEXCTL_TOKEN_FILE: '/nowhere' },
      /^read token file "\/nowhere" of PLEXCTL_TOKEN_FILE: there is no such file: name the one with your token, /,
    ],
    [
      'a CA file that is not there',
      { PLEXCTL_CA_FILE: '/nowhere' },
      /^read CA file "\/nowhere" of PLEXCTL_CA_FILE: want the PEM file DIR\/ca\.crt/,
    ],
  ]
  for (const [title, env, message] of refusals) {
    it(`are refused before a call: ${title}`, async () => {
      await using bench = await startBench()

      await assert.rejects(bench.run(['whoami'], { env }), { exitCode: 2, message })
      assert.deepEqual(bench.server.lines(), [])
    })
  }

  it('are refused without showing the token: a file with other things in it', async () => {
    await using bench = await startBench()
    for (const content of ['', '\n', 'two words', 'a\nb', 'ä']) {
      const env = { PLEXCTL_TOKEN_FILE: await bench.file('t', content) }
      await assert.rejects(bench.run(['whoami'], { env }), {
        message: `read token file "${env.PLEXCTL_TOKEN_FILE}" of PLEXCTL_TOKEN_FILE: want one line with a token in it`,
      })
    }
  })

  it('are refused: a token that every user of the machine may read', async () => {
    await using bench = await startBench()
    const path = await bench.file('t', 'plx_admin_test\n')
    await chmod(path, 0o644)
    const env = { PLEXCTL_TOKEN_FILE: path }
    await assert.rejects(bench.run(['whoami'], { env }), {
      exitCode: 2,
      message: `read token file "${path}" of PLEXCTL_TOKEN_FILE: users other than its owner may read it (mode 0644): chmod 600 ${path}`,
    })
  })

  it('are refused: a CA file without a certificate', async () => {
    await using bench = await startBench()
    const env = { PLEXCTL_CA_FILE: await bench.file('ca.crt', 'not PEM') }

    await assert.rejects(bench.run(['whoami'], { env }), /want the PEM file DIR\/ca\.crt/)
  })
})

describe('an answer that is not from a control plane', () => {
  it('is called so', async () => {
    await using bench = await startBench({
      'GET /admin/v1/whoami': (_, response) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<html>')
      },
    })

    await assert.rejects(
      bench.run(['whoami']),
      /it is "text\/html", not JSON: is a plexd control plane there\?/,
    )
  })
})

const isUnknown = /^error: unknown command 'nothing'\n/
const helpOf = (path: readonly string[]): RegExp =>
  new RegExp(`^Usage: ${['plexctl', ...path].join(' ')}(?:\\|\\S+)? `)

/** Of all that have commands, that of the program itself included. */
function groupsOf(command: Command, path: readonly string[] = []): (readonly string[])[] {
  if (command.commands.length === 0) return []
  return [path, ...command.commands.flatMap((one) => groupsOf(one, [...path, one.name()]))]
}

async function answerTo(...argv: readonly string[]): Promise<string> {
  let written = ''
  const write = (text: string): void => {
    written += text
  }
  const program = createProgram(systemIo())
  for (const command of all(program))
    command.exitOverride().configureOutput({ writeOut: write, writeErr: write })
  refuseUnknownHelp(program)
  await program.parseAsync(argv, { from: 'user' }).catch(() => {}) // as every help ends
  return written
}

/** What stands behind `plexctl` in them: a pipe, a redirection or a shell's own words are not ours. */
function examplesOf(command: Command): string[] {
  let help = ''
  const writeOut = (text: string): void => {
    help += text
  }
  command.configureOutput({ writeOut }).outputHelp()
  const lines = help.split('\nExamples:\n')[1]?.split('\n') ?? []
  return lines.flatMap(
    (line) => /(?:^ {2}|\| |<\()plexctl (.+?)(?: (?:>>?|\|) .*|\))?$/.exec(line)?.[1] ?? [],
  )
}

function assertTaken(example: string): void {
  if (example.startsWith('COMMAND')) return
  const words = Array.from(example.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), (word) =>
    String(word[1] ?? word[2] ?? word[3]),
  )
  const program = createProgram(systemIo())
  let taken = false
  const stub = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {} })
    if (command.commands.length === 0)
      command.action(() => {
        taken = true
      })
    for (const child of command.commands) stub(child)
  }
  stub(program)
  program.parse(words, { from: 'user' })
  assert.ok(taken)
}

function* visible(command: Command): Generator<Command> {
  yield command
  for (const child of command.commands) {
    if (!child.name().startsWith('__')) yield* visible(child)
  }
}

function* all(command: Command): Generator<Command> {
  yield command
  for (const child of command.commands) yield* all(child)
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

describe('an argument or a value that is empty', () => {
  const commands = [
    ['data', 'put', '', '--selector', '*', '--file', '-'],
    ['secret', 'put', '', '--selector', '*', '--file', '-'],
    ['report', 'show', 'web-01', ''],
    ['node', 'remove', ''],
    ['data', 'put', 'x', '--node', '', '--file', '-'],
    ['node', 'list', '--server', ''],
  ]
  for (const command of commands)
    it(`of "${command.slice(0, 2).join(' ')}" is refused before anything is asked`, async () => {
      await using bench = await startBench()

      await assert.rejects(bench.run(command, { stdin: 'x' }), {
        message:
          /^read (argument <\w+>|option --\w+) "": it is empty: is a variable of the shell not set\?$/,
      })
      assert.deepEqual(bench.server.requests, [])
    })
})
