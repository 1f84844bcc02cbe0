import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import type { ProgramName } from '../../scripts/programs/build.ts'
import { launch, runProgram } from '../../scripts/programs/program.ts'
import { type System, startSystem } from '../support/system.ts'

describe('SIGHUP', () => {
  let folder: string
  let file: string
  let system: System
  let agent: AgentProcess
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-reload-'))
    file = join(folder, 'control-plane.yaml')
    await writeFile(file, 'tls_san: [cp.example.com]\n')
    system = await startSystem({ args: ['--config', file] })
    agent = await system.startAgent('web-01')
    await until('it is connected', async () => /connected/.test(await streamLine()))
  })
  after(async () => {
    await agent?.[Symbol.asyncDispose]()
    await system?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const controlPlaneLog = () => system.controlPlane.program().log()

  async function streamLine(): Promise<string> {
    const { stdout } = await runProgram('plexd', ['status', '--socket', agent.socket])
    return stdout.split('\n').find((line) => line.startsWith('event stream:')) ?? ''
  }

  it('makes the control plane serve another certificate, and no stream ends', async () => {
    assert.doesNotMatch(await namesServed(), /new\.example\.com/)
    const node = await system.enrol('scripted')
    using stream = await node.stream()
    await writeFile(file, 'tls_san: [new.example.com]\nlog_level: debug\nheartbeat_interval: 7s\n')
    system.controlPlane.program().child.kill('SIGHUP')
    await until('it has read again', async () => /"reloaded"/.test(await controlPlaneLog()))

    assert.match(await namesServed(), /new\.example\.com/)
    const log = await controlPlaneLog()
    assert.match(log, /"certificate replaced"/)
    assert.match(log, /"settings":\["heartbeat_interval"\]/)
    assert.deepEqual(await readiness(), { status: 'ready', needs_restart: ['heartbeat_interval'] })
    await system.admin.putData({
      params: { key: 'motd' },
      body: { target: { selector: '*' }, content_type: 'text/plain', payload: 'hello' },
    })
    assert.match((await stream.find('node_state_updated')).data, /hello/)
  })

  it('leaves the control plane as it was when what it reads is wrong, and says so', async () => {
    await writeFile(file, 'tls_san: [new.example.com]\nlog_level: loud\n')
    system.controlPlane.program().child.kill('SIGHUP')
    await until('it says so', async () => /loud[^\n]*reload failed/.test(await controlPlaneLog()))
    assert.match(await namesServed(), /new\.example\.com/)
    assert.deepEqual(await readiness(), {
      status: 'ready',
      warnings: ['the settings could not be read again: plexd-control-plane doctor says why'],
      needs_restart: ['heartbeat_interval'],
    })
    await writeFile(file, 'tls_san: [new.example.com]\nlog_level: debug\n')
    system.controlPlane.program().child.kill('SIGHUP')
    await until('it has read again', async () => Object(await readiness()).warnings === undefined)
    assert.deepEqual(await readiness(), { status: 'ready' })
  })

  it('does not end an agent, which reads its files again', async () => {
    agent.program().child.kill('SIGHUP')
    await until('it has read again', async () => /"reloaded"/.test(await agent.program().log()))
    assert.match(await streamLine(), /connected/)
  })

  for (const [name, args, up] of [
    ['plexd', () => ['up', '--no-mesh', '--data-dir', agent.dataDir], /plexd is up/],
    ['control-plane', () => ['serve', '--data-dir', join(folder, 'early')], /"serving"/],
  ] as const)
    it(`and others that mean nothing do not end a ${name} that reads its settings yet`, async () => {
      await agent.end()
      await using early = launchAtSettings(name, args())
      await until('it heeds signals', () => early.heeds())
      for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGALRM'] as const) early.child.kill(signal)
      await early.tell('log_level: info\n')
      await until('it is up', async () => up.test(await early.log()), 20_000)
      await early.tell('log_level: debug\n')
      await until('it has read again', async () => /"reloaded"/.test(await early.log()))
    })

  /** It waits for its settings, and each time that it reads them again, until it is told. */
  function launchAtSettings(name: ProgramName, args: readonly string[]) {
    const pipe = join(folder, `${name}.pipe`)
    execFileSync('mkfifo', [pipe])
    let writer: number | undefined = openSync(pipe, 'r+')
    const program = launch(name, [...args, '--config', '/dev/stdin'], {
      logFile: join(folder, `${name}.log`),
      prefix: ['sh', '-c', 'exec "$@" <"$0"', pipe],
    })
    program.child.stdout?.resume()
    const folderOfFds = `/proc/${program.pid}/fd`

    async function reads(): Promise<boolean> {
      const names = await readdir(folderOfFds)
      const held = names.map((fd) => readlink(join(folderOfFds, fd)).catch(String))
      return (await Promise.all(held)).filter((path) => path === pipe).length > 1
    }

    return {
      ...program,
      async heeds(): Promise<boolean> {
        assert.equal(program.child.exitCode, null, await program.log())
        const status = await readFile(`/proc/${program.pid}/status`, 'utf8')
        const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? []
        return (BigInt(`0x${caught}`) & 1n) !== 0n
      },
      /** By a writer of its own, whose end is the end of the text. */
      async tell(settings: string): Promise<void> {
        writer ??= openSync(pipe, 'r+')
        await until('it reads its settings', reads)
        writeSync(writer, settings)
        closeSync(writer)
        writer = undefined
      },
      [Symbol.asyncDispose]: () => program.end(),
    }
  }

  /** The names in the certificate that a new connection is shown. */
  async function readiness(): Promise<unknown> {
    const request = get(`${system.controlPlane.url}/readyz`, { rejectUnauthorized: false })
    const [response] = await once(request, 'response')
    return await json(response)
  }

  async function namesServed(): Promise<string> {
    const { hostname, port } = new URL(system.controlPlane.url)
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { subjectaltname = '' } = socket.getPeerCertificate()
    socket.destroy()
    return subjectaltname
  }
})
