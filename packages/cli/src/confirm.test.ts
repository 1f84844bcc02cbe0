import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Command } from 'commander'
import { createProgram } from './program.ts'
import { createFakeStreams } from './testing/fake-streams.ts'
import { startBench } from './testing/run.ts'
import { aNode, aPolicy } from './testing/samples.ts'

/** A command that takes away what it cannot give back. */
interface Destructive {
  argv: string[]
  /** The question at a terminal, up to its end. */
  asks: RegExp
  /** The request that does it. */
  does: string
  /** Requests that only look; given with their answers. */
  looks?: Record<string, object>
  /** Standard input is for something else than the answer. */
  stdin?: string
}

const lost = { warnings: [], pairs: { gained: 0, lost: 3 } }
const none = { warnings: [], pairs: { gained: 0, lost: 0 } }
const platform = ['--version', '1.5.0', '--os', 'linux', '--arch', 'amd64']
const policy = JSON.stringify({ name: 'p', rules: [{ from: '*', to: '*', action: 'deny' }] })
const put = 'PUT /admin/v1/policies/p'

const table: Destructive[] = [
  {
    argv: ['node', 'remove', 'web-01'],
    asks: /^remove node "web-01 \(n_web\)" from the mesh$/,
    does: 'DELETE /admin/v1/nodes/web-01',
    looks: { 'GET /admin/v1/nodes/web-01': aNode() },
  },
  {
    argv: ['node', 'label', 'drop', 'os', 'rack'],
    asks: /^make no labels of os, rack any more$/,
    does: 'POST /admin/v1/labels/drop',
  },
  {
    argv: ['mesh', 'range', 'remove', '10.101.0.0/16'],
    asks: /^remove mesh range "10\.101\.0\.0\/16"$/,
    does: 'DELETE /admin/v1/mesh/ranges/10.101.0.0%2F16',
  },
  {
    argv: ['data', 'remove', 'motd', '--selector', '*'],
    asks: /^remove data entry "motd" of \*$/,
    does: 'DELETE /admin/v1/data/motd?selector=*',
  },
  {
    argv: ['secret', 'remove', 'tls', '--node', 'n_web'],
    asks: /^remove secret "tls" of n_web$/,
    does: 'DELETE /admin/v1/secrets/tls?node_id=n_web',
  },
  {
    argv: ['authority', 'activate', '--force'],
    asks: /^leave nodes behind that do not trust the next authority$/,
    does: 'POST /admin/v1/authorities/activate?force=true',
  },
  {
    argv: ['authority', 'retire', '--force'],
    asks: /^have no node trust the previous authority any more$/,
    does: 'POST /admin/v1/authorities/retire?force=true',
  },
  {
    argv: ['move', 'end'],
    asks: /^end the move: nodes that are not there yet will not follow$/,
    does: 'PUT /admin/v1/move',
  },
  {
    argv: ['token', 'revoke', 'tok_1'],
    asks: /^revoke bootstrap token "tok_1"$/,
    does: 'DELETE /admin/v1/tokens/tok_1',
  },
  {
    argv: ['admin-token', 'revoke', 'tok_1'],
    asks: /^revoke admin token "tok_1"$/,
    does: 'DELETE /admin/v1/admin-tokens/tok_1',
  },
  {
    argv: ['artifact', 'remove', ...platform],
    asks: /^remove plexd 1\.5\.0 linux\/amd64$/,
    does: 'DELETE /admin/v1/artifacts/plexd/1.5.0/linux/amd64',
  },
  {
    argv: ['artifact', 'distrust', 'abc', ...platform],
    asks: /^vouch no longer for plexd 1\.5\.0 linux\/amd64 abc$/,
    does: 'DELETE /admin/v1/trusted-builds/1.5.0/linux/amd64/abc',
  },
  {
    argv: ['action', 'schedule', 'delete', 'check'],
    asks: /^delete schedule "check"$/,
    does: 'DELETE /admin/v1/schedules/check',
  },
  {
    argv: ['alerts', 'rules', 'remove', 'disk-nearly-full'],
    asks: /^remove alert rule "disk-nearly-full"$/,
    does: 'DELETE /admin/v1/alert-rules/disk-nearly-full',
  },
  {
    argv: ['alerts', 'silences', 'end', 'sil_1'],
    asks: /^end silence "sil_1"$/,
    does: 'DELETE /admin/v1/alert-silences/sil_1',
  },
  {
    argv: ['alerts', 'webhooks', 'remove', 'ops'],
    asks: /^remove webhook "ops", and what waits for it$/,
    does: 'DELETE /admin/v1/alert-webhooks/ops',
  },
  {
    argv: ['session', 'revoke', 'sess_1'],
    asks: /^revoke session "sess_1"$/,
    does: 'POST /admin/v1/sessions/sess_1/revoke',
  },
  {
    argv: ['policy', 'remove', 'p'],
    asks: /^remove policy "p"$/,
    does: 'DELETE /admin/v1/policies/p',
    looks: { 'DELETE /admin/v1/policies/p?dry_run=true': none },
  },
  {
    argv: ['policy', 'remove', 'p'],
    asks: /^remove policy "p": 3 pairs of nodes .*; go on$/,
    does: 'DELETE /admin/v1/policies/p',
    looks: { 'DELETE /admin/v1/policies/p?dry_run=true': lost },
  },
  {
    argv: ['policy', 'put', '-'],
    asks: /^write policy "p": 3 pairs of nodes .*; go on$/,
    does: put,
    looks: { [`${put}?dry_run=true`]: { ...aPolicy(), ...lost } },
    stdin: policy,
  },
]

describe('a command that takes away what it cannot give back', () => {
  for (const { argv, asks, does, looks = {}, stdin } of table) {
    const name = argv.join(' ')
    const replies = { ...looks, [does]: { nodes: 1, warnings: [] } }

    it(`wants --yes where nobody can be asked: ${name}`, async () => {
      await using bench = await startBench(replies)

      const refused = bench.run(argv, stdin === undefined ? {} : { stdin, tty: true })
      await assert.rejects(refused, {
        exitCode: 2,
        message: /: nobody can be asked here: run it again with --yes to do that$/,
      })
      assert.deepEqual(bench.server.lines(), Object.keys(looks))
      const { stderr } = await bench.run([...argv, '--yes'], stdin === undefined ? {} : { stdin })
      assert.equal(stderr, '')
      assert.equal(bench.server.lines().at(-1), does)
    })

    if (stdin !== undefined) continue
    it(`asks at a terminal: ${name}`, async () => {
      await using bench = await startBench(replies)

      for (const answer of ['', '\n', 'n\n', 'no way\n'])
        await assert.rejects(
          bench.run(argv, { tty: true, stdin: answer }),
          /not confirmed: nothing was done/,
        )
      assert.equal(bench.server.lines().includes(does), false)
      const { stderr } = await bench.run(argv, { tty: true, stdin: 'y\n' })
      assert.match(stderr.replace(/\? \[y\/N\] $/, ''), asks)
      assert.equal(bench.server.lines().at(-1), does)
      const silent = await bench.run([...argv, '--yes'], { tty: true })
      assert.equal(silent.stderr, '')
    })
  }

  it('is in the table above, whichever row of the admin API it deletes by', () => {
    const deleting = Object.values(adminApi).filter(({ method }) => method === 'DELETE')
    const done = table.map(({ does }) => does.split('?')[0] ?? '')
    for (const { path } of deleting) {
      const like = new RegExp(`^DELETE ${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
      assert.ok(
        done.some((line) => like.test(line)),
        path,
      )
    }
  })

  it('is in the table above, whichever takes --yes', () => {
    const named = table.map(({ argv }) => argv.join(' '))
    for (const command of commandsWithYes(aProgram()))
      assert.ok(
        named.some((argv) => argv.startsWith(command)),
        command,
      )
  })
})

function commandsWithYes(command: Command, path: readonly string[] = []): string[] {
  const own = command.options.some(({ long }) => long === '--yes') ? [path.join(' ')] : []
  return [
    ...own,
    ...command.commands.flatMap((child) => commandsWithYes(child, [...path, child.name()])),
  ]
}

function aProgram(): Command {
  const silent = { write() {} }
  return createProgram({
    env: {},
    stdin: Object.assign((async function* () {})(), { isTTY: false }),
    stdout: silent,
    stderr: { ...silent, isTTY: false },
    clock: createFakeClock(),
    interrupted: () => new AbortController().signal,
    streams: () => createFakeStreams(),
    endWith() {},
  })
}
