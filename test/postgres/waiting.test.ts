import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { freePort, noPostgres, until } from '@plexd/runtime/testing'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { openPostgres } from '../support/open-postgres.ts'

describe('a control plane that waits for another', { skip: noPostgres }, () => {
  const server = openPostgres()

  it('says so to who asks on its machine, is listed, and serves when the other is killed', async () => {
    const args = ['--database-url', server.createDatabase()]
    for (const name of ['cp1', 'cp2']) await mkdir(join(server.home, name))
    let waiting: Promise<ControlPlaneProcess> | undefined
    await using stack = new AsyncDisposableStack()
    // Its turn comes when the first has ended.
    stack.defer(async () => (await waiting)?.[Symbol.asyncDispose]())
    const first = stack.use(await startControlPlaneProcess(join(server.home, 'cp1'), { args }))
    const listen = `127.0.0.1:${await freePort()}`
    const settings = [...args, '--master-key-file', join(first.dataDir, 'master.key')]
    waiting = startControlPlaneProcess(join(server.home, 'cp2'), { listen, args: settings })

    const dataDir = join(server.home, 'cp2/control-plane')
    const there = ['--data-dir', dataDir, '--listen', listen, ...settings]
    const plexctl = (server: string, ...command: string[]) =>
      runProgram('plexctl', command, { ...first.environment, PLEXCTL_SERVER: server })
    const ask = (command: string, ...flags: string[]) =>
      runProgram('control-plane', [command, ...there, ...flags])
    await until('it is well', async () => (await ask('ready', '--or-waiting')).code === 0)

    const ready = await ask('ready')
    assert.equal(ready.code, 1, ready.stderr)
    assert.match(ready.stdout, /^not ready: waiting: the control plane on ".+" .* serves$/m)
    const refused = await plexctl(`unix://${join(dataDir, 'admin.sock')}`, 'whoami')
    assert.notEqual(refused.code, 0)
    assert.match(
      refused.stderr,
      /waiting: the control plane on ".+" \(process \d+, since .*\) serves/,
    )
    const { stdout } = await ask('doctor')
    assert.match(stdout, /admin\.sock" answers that it waits for its turn/)
    assert.match(stdout, /port \d+ is ready: it passes on to the control plane on ".+"/)
    await until('both are listed', async () => {
      const { stdout } = await plexctl(first.url, 'status')
      return / serving /.test(stdout) && / waiting /.test(stdout)
    })

    const second = await waiting
    const passedOn = await plexctl(second.url, 'whoami')
    assert.equal(passedOn.code, 0, passedOn.stderr)
    await first.end('SIGKILL')
    await until('it serves', async () => (await ask('ready')).code === 0)
    const { code, stderr } = await plexctl(second.url, 'whoami')
    assert.equal(code, 0, stderr)
  })
})
