import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { aDataEntry, aNode, aPage } from '../../testing/samples.ts'

const put = {
  'PUT /admin/v1/data/conf': { ...aDataEntry({ key: 'conf', version: 4 }), warnings: [] },
}

describe('data put', () => {
  it('sends the value in a JSON file, for a node by its id', async () => {
    await using bench = await startBench(put)
    const file = await bench.file('db.json', '\ufeff{"host": "db", "port": 5432}')

    const { stdout } = await bench.run(['data', 'put', 'conf', '--node', 'n_web', '--file', file])

    assert.equal(stdout, 'wrote "conf" version 4\n')
    assert.deepEqual(bench.server.requests[0]?.body, {
      target: { node_id: 'n_web' },
      content_type: 'application/json',
      payload: { host: 'db', port: 5432 },
    })
  })

  it('warns of a selector that matches no node', async () => {
    const warnings = ['selector "role=wbe": it matches no node']
    await using bench = await startBench({
      'PUT /admin/v1/data/conf': { ...aDataEntry(), warnings },
    })
    const file = await bench.file('motd.txt', 'hello\n')

    const argv = ['data', 'put', 'conf', '--selector', 'role=wbe', '--file', file]
    assert.equal((await bench.run(argv)).stderr, `warning: ${warnings[0]}\n`)
  })

  it('looks up the id of a hostname', async () => {
    await using bench = await startBench({ ...put, 'GET /admin/v1/nodes/web-01': aNode() })
    const file = await bench.file('motd.txt', 'hello\n')

    await bench.run(['data', 'put', 'conf', '--node', 'web-01', '--file', file, '--json'])

    assert.deepEqual(bench.server.requests[1]?.body, {
      target: { node_id: 'n_web' },
      content_type: 'text/plain',
      payload: 'hello\n',
    })
  })

  it('guesses the content type from the extension', async () => {
    await using bench = await startBench(put)
    const types = []
    for (const name of ['a.json', 'a.yaml', 'a.YML', 'a.txt', 'a.conf', 'a.bin', 'a']) {
      const file = await bench.file(name, '1')
      await bench.run(['data', 'put', 'conf', '--selector', '*', '--file', file])
      const body = bench.server.requests.at(-1)?.body as { content_type: string } // as put sends it
      types.push(body.content_type)
    }

    assert.deepEqual(types, [
      'application/json',
      'application/yaml',
      'application/yaml',
      'text/plain',
      'text/plain',
      'application/octet-stream',
      'application/octet-stream',
    ])
  })

  it('reads standard input, and believes the content type it is given', async () => {
    await using bench = await startBench(put)

    const flags = [
      '--selector',
      'role=web',
      '--file',
      '-',
      '--content-type',
      'application/problem+json; v=1',
    ]
    await bench.run(['data', 'put', 'conf', ...flags], { stdin: '[1.50]' })

    assert.deepEqual(bench.server.requests[0]?.body, {
      target: { selector: 'role=web' },
      content_type: 'application/problem+json; v=1',
      payload: [1.5],
    })
  })

  it('keeps the slashes of a key in one part of the path', async () => {
    await using bench = await startBench({
      'PUT /admin/v1/data/tls%2Fa%20b': { ...aDataEntry(), warnings: [] },
    })
    const file = await bench.file('a.txt', 'x')

    await bench.run(['data', 'put', 'tls/a b', '--selector', '*', '--file', file])

    assert.deepEqual(bench.server.lines(), ['PUT /admin/v1/data/tls%2Fa%20b'])
  })

  it('names the file that is no JSON, no text, not there', async () => {
    await using bench = await startBench()
    const run = (file: string) =>
      bench.run(['data', 'put', 'conf', '--selector', '*', '--file', file])
    const json = await bench.file('bad.json', '{"a": }')
    const binary = await bench.file('logo.bin', new Uint8Array([0x89, 0x50, 0xff]))

    await assert.rejects(run(json), {
      message: /^read ".*bad\.json" as application\/json: /,
      exitCode: 2,
    })
    await assert.rejects(run(binary), {
      message: /^read ".*logo\.bin": it is not UTF-8 text/,
      exitCode: 2,
    })
    await assert.rejects(run(`${json}.gone`), /^Error: read ".*bad\.json\.gone"|CliError: read/)
    assert.deepEqual(bench.server.lines(), [])
  })

  it('sends the JSON in a file as it is, with every digit and every key', async () => {
    await using bench = await startBench(put)
    const json = '[{"id": 12345678901234567890, "id": -0}, 1e999]'
    const file = await bench.file('a.json', json)

    await bench.run(['data', 'put', 'conf', '--node', 'n_web', '--file', file])

    assert.ok(bench.server.requests[0]?.text.endsWith(`,"payload":${json}}`))
  })

  it('wants exactly one target', async () => {
    await using bench = await startBench()
    const file = await bench.file('a.txt', 'x')
    const run = (...target: string[]) =>
      bench.run(['data', 'put', 'conf', '--file', file, ...target])

    await assert.rejects(run(), /no target given: use --node NODE or --selector SELECTOR/)
    await assert.rejects(run('--node', 'n_a', '--selector', 'a=b'), /cannot be used with/)
  })
})

describe('data list', () => {
  it('shows for whom each entry is', async () => {
    await using bench = await startBench({
      'GET /admin/v1/data?limit=500': aPage([
        aDataEntry({ key: 'conf' }),
        aDataEntry({ key: 'motd', target: { selector: 'env=prod' }, content_type: 'text/plain' }),
      ]),
    })

    const { stdout } = await bench.run(['data', 'list'])

    assert.equal(
      stdout,
      [
        'KEY   FOR             TYPE              VERSION  UPDATED',
        'conf  web-01 (n_web)  application/json  3        5m',
        'motd  env=prod        text/plain        3        5m',
        '',
      ].join('\n'),
    )
  })

  it('prints a JSON array with the payloads', async () => {
    await using bench = await startBench({ 'GET /admin/v1/data?limit=500': aPage([aDataEntry()]) })

    const { stdout } = await bench.run(['data', 'list', '--json'])

    assert.deepEqual(JSON.parse(stdout), [aDataEntry()])
  })
})

describe('data show', () => {
  const own = aDataEntry({ key: 'conf', payload: 'a\nb\n' })
  const common = aDataEntry({ key: 'conf', target: { selector: 'role=web' }, payload: { a: 1 } })
  const replies = {
    'GET /admin/v1/data/conf?node_id=n_web': own,
    'GET /admin/v1/data/conf?selector=role%3Dweb': common,
    'GET /admin/v1/data/motd': common,
  }

  it('prints the payload alone, of the target that is named', async () => {
    await using bench = await startBench(replies)
    const show = async (...argv: string[]) => (await bench.run(['data', 'show', ...argv])).stdout

    assert.equal(await show('conf', '--node', 'n_web'), 'a\nb\n')
    assert.equal(await show('conf', '--selector', 'role=web'), '{\n  "a": 1\n}\n')
    assert.equal(await show('motd'), '{\n  "a": 1\n}\n')
    assert.deepEqual(JSON.parse(await show('conf', '--node', 'n_web', '--json')), own)
  })

  it('asks which when there are several, and fails when there is none', async () => {
    const which = 'data entry "conf" is there for node web-01 (n_web), selector "*": say for which'
    const none = 'there is no data entry "gone"'
    await using bench = await startBench({
      'GET /admin/v1/data/conf': failure(409, which),
      'GET /admin/v1/data/gone': failure(404, none),
    })

    await assert.rejects(bench.run(['data', 'show', 'conf']), {
      exitCode: 2,
      message: `${which} with --node or --selector`,
    })
    await assert.rejects(bench.run(['data', 'show', 'gone']), { status: 404, message: none })
  })
})

describe('data remove', () => {
  const argv = ['data', 'remove', 'a/b', '--yes']

  it('names the target in the query', async () => {
    await using bench = await startBench({
      'DELETE /admin/v1/data/a%2Fb?selector=role+in+%28web%2Capi%29': {},
      'DELETE /admin/v1/data/a%2Fb?node_id=n_web': {},
    })

    const { stdout } = await bench.run([...argv, '--selector', 'role in (web,api)'])
    await bench.run([...argv, '--node', 'n_web'])

    assert.equal(stdout, 'removed "a/b" of role in (web,api)\n')
  })

  it('says which node it is, also when it was named by its hostname', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01': aNode(),
      'DELETE /admin/v1/data/a%2Fb?node_id=n_web': {},
    })

    const { stdout } = await bench.run([...argv, '--node', 'web-01'])

    assert.equal(stdout, 'removed "a/b" of web-01 (n_web)\n')
  })
})
