import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBench } from '../testing/run.ts'
import { aPolicy } from '../testing/samples.ts'

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

describe('policy put', () => {
  const replies = { 'PUT /admin/v1/policies/web-to-db': stored }

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
    assert.deepEqual(JSON.parse(stdout), stored)
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
  const replies = { 'GET /admin/v1/policies': { items: [aPolicy(), stored] } }

  it('lists policies in the order they apply', async () => {
    await using bench = await startBench(replies)

    const { stdout: table } = await bench.run(['policy', 'list'])
    const { stdout: json } = await bench.run(['policy', 'list', '--json'])

    assert.match(table, /^allow-all {2}pol_1 {2}1 {9}1 {6}5m\nweb-to-db {2}pol_1 {2}7 {9}2 {6}5m$/m)
    assert.deepEqual(JSON.parse(json), [aPolicy(), stored])
  })

  it('shows a policy in a form that put takes', async () => {
    await using bench = await startBench({ ...replies, 'PUT /admin/v1/policies/web-to-db': stored })

    const { stdout } = await bench.run(['policy', 'show', 'web-to-db'])
    await bench.run(['policy', 'put', '-'], { stdin: stdout })

    assert.deepEqual(bench.server.requests.at(-1)?.body, spec)
  })

  it('fails with the exit code for what is not there', async () => {
    await using bench = await startBench(replies)

    await assert.rejects(bench.run(['policy', 'show', 'gone']), {
      exitCode: 3,
      message: 'find policy "gone": not found',
    })
  })
})

describe('policy remove', () => {
  it('deletes the policy by its name', async () => {
    await using bench = await startBench({ 'DELETE /admin/v1/policies/allow-all': {} })

    assert.equal(
      (await bench.run(['policy', 'remove', 'allow-all'])).stdout,
      'removed "allow-all"\n',
    )
  })
})
