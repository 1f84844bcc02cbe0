import assert from 'node:assert/strict'
import { appendFile, chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { HookList } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

/** Hooks as an operator meets them: files on a node, and plexctl. */
describe('the hooks of a node', () => {
  const system = openSystem()
  let agent: AgentProcess
  let folder: string
  const path = (name: string): string => join(folder, name)

  async function write(name: string, body: string, declared?: object): Promise<void> {
    if (declared) await writeFile(path(`${name}.json`), JSON.stringify(declared), { mode: 0o644 })
    await writeFile(path(name), `#!/bin/sh\n${body}\n`)
    await chmod(path(name), 0o755)
  }

  async function run(name: string, ...args: string[]) {
    const asked = ['action', 'run', 'web-01', name, '--wait', '--json', ...args]
    const { stdout, stderr } = await system.plexctl(...asked)
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout) as Execution // the shape of POST /admin/v1/nodes/{node}/actions
  }

  async function hooks(): Promise<HookList['hooks']> {
    const { stdout } = await runProgram('plexd', [
      'hooks',
      'list',
      '--json',
      '--socket',
      agent.socket,
    ])
    return (JSON.parse(stdout) as HookList).hooks
  }

  const stateOf = async (name: string): Promise<string | undefined> =>
    (await hooks()).find((hook) => hook.name === name)?.state

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await chmod(folder, 0o755)
    await write('greet', 'printf "%s" "$PLEXD_PARAM_WHO"', { parameters: [{ name: 'who' }] })
    await write('env', 'env')
    await write('stubborn', 'trap "" TERM; echo begun; while :; do sleep 1; done')
    await write('flood', 'head -c 100000000 /dev/zero | tr "\\0" x')
    await write('swapped', 'echo one')
    await write('edited', 'echo one')
    agent = await system.startAgent('web-01', { args: ['--hooks-dir', folder] })
    await until('all are known', async () => {
      const { body } = await system.admin.getNode({ params: { node: 'web-01' } })
      return body.capabilities?.hooks?.length === 6
    })
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('get parameters that no shell reads', async () => {
    const who = '$(reboot); `id`\n"\'\\ ü'
    assert.partialDeepStrictEqual(await run('hooks/greet', '--param', `who=${who}`), {
      status: 'success',
      stdout: who,
    })
    assert.match((await run('greet', '--param', 'what=x')).reason, /^invalid_parameters: "what"/)
  })

  it('see nothing of what plexd was started with', async () => {
    const { stdout } = await run('env')
    const names = stdout.split('\n').flatMap((line) => line.split('=')[0] || [])
    const shells = ['PWD', 'OLDPWD', 'SHLVL', '_']
    assert.deepEqual(names.filter((name) => !shells.includes(name)).sort(), [
      'HOME',
      'PATH',
      'PLEXD_ACTION_NAME',
      'PLEXD_EXECUTION_ID',
      'PLEXD_NODE_ID',
    ])
  })

  it('are ended when their time is up, whether they listen or not', async () => {
    assert.partialDeepStrictEqual(await run('stubborn', '--timeout', '1s'), {
      status: 'timeout',
      stdout: 'begun\n',
    })
  })

  it('may print as much as they like, of which 64 KiB are kept', async () => {
    const { status, stdout } = await run('flood')
    assert.equal(status, 'success')
    assert.equal(Buffer.byteLength(stdout), 65_536)
    assert.match(stdout, /truncated\]$/)
  })

  it('do not run once they were changed, until that is announced', async () => {
    await appendFile(path('swapped'), 'echo evil\n')
    assert.partialDeepStrictEqual(await run('swapped'), {
      status: 'rejected',
      reason: 'integrity violation',
    })
    const { stdout } = await system.plexctl('telemetry', 'list', 'web-01', 'violations')
    assert.match(stdout, /"type":"hook".*swapped/)
    const reload = ['hooks', 'reload', '--socket', agent.socket]
    assert.equal((await runProgram('plexd', reload)).code, 0)
    await until('the announcement', async () => (await run('swapped')).stdout === 'one\nevil\n')
  })

  it('are compared with what was announced also after a crash', async () => {
    await agent.end('SIGKILL')
    await appendFile(path('edited'), 'echo evil\n')
    await agent.start()
    assert.equal(await stateOf('edited'), 'changed')
    assert.equal((await run('edited')).reason, 'integrity violation')
  })

  it('are refused if others may write them, or they lead elsewhere', async () => {
    await write('open', 'true')
    await chmod(path('open'), 0o757)
    await symlink('/bin/true', path('away'))
    await until('they were seen', async () => (await stateOf('open')) && (await stateOf('away')))
    assert.deepEqual([await stateOf('open'), await stateOf('away')], ['refused', 'refused'])
    const verify = ['hooks', 'verify', '--hooks-dir', folder, '--data-dir', agent.dataDir]
    const { code, stdout } = await runProgram('plexd', verify)
    assert.equal(code, 1)
    assert.match(stdout, /open: .* can be changed by others than its owner \(mode 0757\)/)
    assert.match(stdout, /away: it leads out of/)
    const asked = await system.plexctl('action', 'run', 'web-01', 'open')
    assert.match(asked.stderr, /the node knows no action "open"/)
  })
})

interface Execution {
  status: string
  reason: string
  stdout: string
}
