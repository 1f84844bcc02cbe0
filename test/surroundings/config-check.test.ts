import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runProgram } from '../../scripts/programs/program.ts'

describe('config check', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-config-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function check(program: 'plexd' | 'control-plane', text: string, ...args: string[]) {
    const file = join(folder, 'config.yaml')
    await writeFile(file, text)
    return runProgram(program, ['config', 'check', file, ...args])
  }

  it('finds nothing in a file that is right', async () => {
    const right = await check('plexd', 'api: https://cp.example.com\nmesh: { mtu: 1380 }\n')
    assert.equal(right.stdout, `"${folder}/config.yaml": nothing is wrong\n`)
    assert.equal(right.code, 0)
    assert.equal((await check('control-plane', 'data_dir: /srv/plexd\n')).code, 0)
  })

  it('tells which credentials of systemd are used', async () => {
    const credentials = join(folder, 'credentials')
    await mkdir(credentials)
    for (const name of ['plexd.token', 'plexd.join', 'tls.key', 'tls.crt'])
      await writeFile(join(credentials, name), 'x', { mode: 0o600 })
    process.env.CREDENTIALS_DIRECTORY = credentials
    try {
      assert.equal(
        (await check('plexd', 'join_file: /j\n')).stdout,
        `"${folder}/config.yaml": nothing is wrong\n` +
          `token.file: the credential plexd.token, "${credentials}/plexd.token"\n` +
          'join_file: the file wins over the credential plexd.join\n',
      )
      const plane = await check('control-plane', 'tls_cert: /c\n', '--json')
      assert.equal(plane.code, 1)
      const detail = 'there is no file "/c"'
      const missing = { key: 'tls_cert', state: 'missing', detail }
      assert.deepEqual(JSON.parse(plane.stdout).findings, [missing])
      const key = { name: 'tls.key', file: `${credentials}/tls.key` }
      assert.deepEqual(JSON.parse(plane.stdout).credentials, [
        { key: 'tls_cert', name: 'tls.crt', file: `${credentials}/tls.crt`, is_used: false },
        { key: 'tls_key', ...key, is_used: true },
      ])
    } finally {
      delete process.env.CREDENTIALS_DIRECTORY
    }
  })

  it('names what is mistyped, and what was meant', async () => {
    const { code, stdout } = await check('plexd', 'mesh: { interfce: wg7 }\ncolour: red\n')
    assert.equal(
      stdout,
      'ignored  mesh.interfce: there is no such setting: did you mean "mesh.interface"?\n' +
        'ignored  colour: there is no such setting\n',
    )
    assert.equal(code, 1)
  })

  it('names all with which plexd would not start, or not send what it should', async () => {
    const text =
      'api: http://cp.example.com\nmesh: { mtu: 5, listen_port: x }\nlogs: { redact: "(" }\n'
    const { code, stdout } = await check('plexd', text, '--json')
    const { findings } = JSON.parse(stdout)
    assert.deepEqual(
      findings.map(({ key, state }: { key: string; state: string }) => [key, state]),
      [
        ['mesh.mtu', 'error'],
        ['mesh.listen_port', 'error'],
        ['api', 'error'],
        ['logs.redact', 'error'],
      ],
    )
    assert.match(findings[3].detail, /^"\(" cannot be used: /)
    assert.equal(findings[0].detail, '5: want a whole number from 576 to 9000')
    assert.equal(code, 2)
  })

  it('names entries of logs.files that can never be a file', async () => {
    const text = `logs: { files: ["[", "", "${folder}", "${folder}/*.log", app.log] }\n`
    const { code, stdout } = await check('plexd', text)
    assert.equal(
      stdout.replaceAll(folder, 'F'),
      'ignored  logs.files: "[": it is not absolute: want the absolute path of a file, such as "/var/log/app.log"\n' +
        'ignored  logs.files: "": it is empty: want the absolute path of a file, such as "/var/log/app.log"\n' +
        'ignored  logs.files: "app.log": it is not absolute: want the absolute path of a file, such as "/var/log/app.log"\n' +
        'ignored  logs.files: "F": it is a folder: want the files in it, such as "F/*.log"\n',
    )
    assert.equal(code, 1)
  })

  it('says of a control plane what it would not start with', async () => {
    const { code, stdout } = await check('control-plane', 'data_dri: /srv\nlog_level: loud\n')
    assert.match(stdout, /^error {4}read config: log_level "loud": want debug/)
    assert.match(
      stdout,
      /\nerror {4}data_dri: there is no such setting: did you mean "data_dir"\?\n$/,
    )
    assert.equal(code, 2)
  })

  it('says where there is no file, or none that can be read', async () => {
    const none = await runProgram('plexd', ['config', 'check', join(folder, 'none.yaml')])
    assert.equal(none.stdout, 'error    there is no such file\n')
    assert.equal(none.code, 2)
    assert.match((await check('plexd', 'a: [')).stdout, /^error {4}parse ".*config\.yaml": /)
    assert.equal((await runProgram('control-plane', ['config', 'check'])).code, 2)
  })
})
