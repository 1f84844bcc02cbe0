import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { aPage, aPolicy } from '../../testing/samples.ts'

const yaml = `name: web-to-db
rules:
  - from: role=web
    to: role in (db,cache)
    port: 5432
    protocol: tcp
    action: allow
  - {from: n_abc123, to: 10.100.0.0/16, action: deny}
`
const spec = {
  name: 'web-to-db',
  rules: [
    { from: 'role=web', to: 'role in (db,cache)', port: 5432, protocol: 'tcp', action: 'allow' },
    { from: 'n_abc123', to: '10.100.0.0/16', action: 'deny' },
  ],
} as const
const stored = aPolicy({ name: 'web-to-db', revision: 7, rules: [...spec.rules] })

const harmless = { warnings: [], pairs: { gained: 1, lost: 0 } }
const putReplies = {
  'PUT /admin/v1/policies/web-to-db?dry_run=true': { ...stored, ...harmless },
  'PUT /admin/v1/policies/web-to-db': { ...stored, warnings: [] },
}

describe('policy put', () => {
  const replies = putReplies

  it('sends the policy in a YAML file', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run(['policy', 'put', await bench.file('p.yaml', yaml)])

    assert.deepEqual(bench.server.requests[0]?.body, spec)
    assert.equal(stdout, 'wrote "web-to-db" revision 7\n')
  })

  it('sends the policy in JSON from standard input', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run(['policy', 'put', '-', '--json'], {
      stdin: JSON.stringify(spec),
    })

    assert.deepEqual(bench.server.requests[0]?.body, spec)
    assert.deepEqual(JSON.parse(stdout), { ...stored, warnings: [] })
  })

  it('shows what in the policy does nothing', async () => {
    const warnings = ['rule 0: from "a": it matches no node', 'rule 1: \u001b[2J']
    await using bench = await startBench({
      ...replies,
      'PUT /admin/v1/policies/web-to-db': { ...stored, warnings },
    })

    const { stderr } = await bench.run(['policy', 'put', await bench.file('p.yaml', yaml)])

    assert.equal(stderr, 'warning: rule 0: from "a": it matches no node\nwarning: rule 1: ?[2J\n')
  })

  it('wants --yes for what cuts pairs of nodes, and does nothing without', async () => {
    const dry = 'PUT /admin/v1/policies/web-to-db?dry_run=true'
    await using bench = await startBench({
      ...replies,
      [dry]: { ...stored, warnings: [], pairs: { gained: 0, lost: 45 } },
    })
    const file = await bench.file('p.yaml', yaml)

    await assert.rejects(bench.run(['policy', 'put', file]), {
      exitCode: 2,
      message:
        'write policy "web-to-db": 45 pairs of nodes that can talk could not any more: nobody can be asked here: run it again with --yes to do that',
    })
    // The policy is what standard input is for.
    await assert.rejects(bench.run(['policy', 'put', '-'], { stdin: yaml, tty: true }), /--yes/)
    assert.deepEqual(bench.server.lines(), [dry, dry])
    await bench.run(['policy', 'put', file, '--yes'])
    assert.equal(bench.server.lines().at(-1), 'PUT /admin/v1/policies/web-to-db')
  })

  it('names the file and the line of what is wrong, and calls nobody', async () => {
    await using bench = await startBench()
    const file = await bench.file('p.yaml', 'name: a\nrules:\n  - {from: a, to: b, action: alow}\n')

    await assert.rejects(bench.run(['policy', 'put', file]), {
      exitCode: 2,
      message: `read policy "${file}": line 3: "rules[0].action" must be one of allow,deny`,
    })
    assert.deepEqual(bench.server.lines(), [])
  })
})

describe('policy list and show', () => {
  const replies = { 'GET /admin/v1/policies?limit=500': aPage([aPolicy(), stored]) }

  it('lists policies in the order they apply', async () => {
    await using bench = await startBench(replies)

    const { stdout: table } = await bench.run(['policy', 'list'])
    const { stdout: json } = await bench.run(['policy', 'list', '--json'])

    assert.match(table, /^allow-all {2}pol_1 {2}1 {9}1 {6}5m\nweb-to-db {2}pol_1 {2}7 {9}2 {6}5m$/m)
    assert.deepEqual(JSON.parse(json), [aPolicy(), stored])
  })

  it('shows a policy in a form that put takes', async () => {
    const named = { ...stored, node_hostnames: { n_abc123: 'web-01' } }
    const get = 'GET /admin/v1/policies/web-to-db'
    await using bench = await startBench({ [get]: named, ...putReplies })

    const { stdout } = await bench.run(['policy', 'show', 'web-to-db'])
    await bench.run(['policy', 'put', '-'], { stdin: stdout })

    assert.match(stdout, /^ {2}- from: n_abc123 # web-01$/m)
    assert.deepEqual(bench.server.requests.at(-1)?.body, spec)
  })

  it('fails with the exit code for what is not there', async () => {
    const gone = failure(404, 'there is no policy "gone"')
    await using bench = await startBench({ 'GET /admin/v1/policies/gone': gone })

    await assert.rejects(bench.run(['policy', 'show', 'gone']), {
      status: 404,
      message: 'there is no policy "gone"',
    })
  })
})

describe('policy remove', () => {
  const dry = 'DELETE /admin/v1/policies/allow-all?dry_run=true'
  const real = 'DELETE /admin/v1/policies/allow-all'
  const cut = { [dry]: { warnings: [], pairs: { gained: 0, lost: 3 } }, [real]: { warnings: [] } }
  const argv = ['policy', 'remove', 'allow-all']

  it('deletes the policy by its name', async () => {
    await using bench = await startBench({ [dry]: harmless, [real]: { warnings: [] } })

    const { stdout, stderr } = await bench.run(argv, { tty: true, stdin: 'y\n' })

    assert.equal(stdout, 'removed "allow-all"\n')
    assert.equal(stderr, 'remove policy "allow-all"? [y/N] ')
  })

  it('asks at a terminal before it cuts nodes off', async () => {
    await using bench = await startBench(cut)

    await assert.rejects(bench.run(argv, { tty: true, stdin: 'n\n' }), /nothing was done/)
    assert.deepEqual(bench.server.lines(), [dry])
    const { stderr } = await bench.run(argv, { tty: true, stdin: 'y\n' })
    assert.match(
      stderr,
      /remove policy "allow-all": 3 pairs of nodes that can talk .*; go on\? \[y/,
    )
    assert.equal(bench.server.lines().at(-1), real)
  })

  it('wants --yes elsewhere, also where the mesh is too large to count', async () => {
    await using bench = await startBench({ ...cut, [dry]: { warnings: [], pairs: null } })

    await assert.rejects(bench.run(argv), {
      exitCode: 2,
      message: /too large .* --yes to do that$/,
    })
    await bench.run([...argv, '--yes'])
    assert.deepEqual(bench.server.lines(), [dry, real])
  })

  it('only tells with --dry-run', async () => {
    await using bench = await startBench(cut)

    const { stdout } = await bench.run([...argv, '--dry-run'])

    assert.match(stdout, /would begin to talk: 0; that would stop: 3\n$/)
    assert.deepEqual(bench.server.lines(), [dry])
  })
})
