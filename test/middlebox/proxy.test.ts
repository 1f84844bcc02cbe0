import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import type { DaemonStatus } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { curlSocket } from '../support/curl.ts'
import { type System, startSystem } from '../support/system.ts'

interface Proxy {
  port: string
  /** What it was asked for. */
  lines: string[]
  end(): Promise<void>
}

async function startProxy(port = '0'): Promise<Proxy> {
  const program = join(import.meta.dirname, 'connect-proxy.ts')
  const child = spawn(process.execPath, [program, port], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reader = createInterface({
    input: (child as ChildProcess & { stdout: NodeJS.ReadableStream }).stdout,
  })
  const [first] = await once(reader, 'line')
  reader.on('line', (line: string) => lines.push(line))
  return {
    port: String(first),
    lines,
    async end() {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

describe('a node that reaches its control plane by a proxy', () => {
  let system: System
  let proxy: Proxy
  let agent: AgentProcess
  let target: string
  let url: string

  const status = async () =>
    (await curlSocket(agent.socket, '/v1/status')).json<Static<typeof DaemonStatus>>()
  const isConnected = async () => (await status()).control_plane.stream === 'connected'
  const envOf = (user: string) => ({ HTTPS_PROXY: `http://${user}@127.0.0.1:${proxy.port}` })

  before(async () => {
    system = await startSystem()
    proxy = await startProxy()
    // Loopback is asked for directly; this name is in the certificate too, and only the proxy need know where it is.
    target = `${hostname()}:${new URL(system.controlPlane.url).port}`
    url = `https://${target}`
    agent = await startAgentProcess(system.folder, {
      hostname: 'node-01',
      token: await system.bootstrapToken(),
      controlPlane: { url, caFile: system.controlPlane.caFile },
      env: envOf('user:secret'),
    })
    await until('its stream is open', isConnected)
  })
  after(async () => {
    await agent[Symbol.asyncDispose]()
    await proxy.end()
    await system[Symbol.asyncDispose]()
  })

  it('asks and listens through it, and tells nobody the password', async () => {
    assert.ok(proxy.lines.length >= 2, 'requests and stream')
    assert.deepEqual(new Set(proxy.lines), new Set([`CONNECT ${target}`]))
    const shown = `http://***@127.0.0.1:${proxy.port}`
    assert.equal((await status()).control_plane.proxy, shown)
    const { stdout } = await runProgram('plexd', ['status', '--socket', agent.socket])
    assert.ok(stdout.includes(`${url} by the proxy ${shown}`), stdout)
    assert.doesNotMatch(stdout + (await agent.program().log()), /secret@/)
  })

  it('is told by plexd doctor whether the proxy lets it through', async () => {
    const flags = ['--api', url, '--ca-file', system.controlPlane.caFile, '--socket', agent.socket]
    const doctor = (user: string) => runProgram('plexd', ['doctor', ...flags], envOf(user))
    assert.match((await doctor('user:secret')).stdout, /by the proxy http:\/\/\*\*\*@127.* answers/)
    const { stdout } = await doctor('user:wr0ng')
    assert.match(stdout, /407 Proxy Authentication Required/)
    assert.doesNotMatch(stdout, /wr0ng/)
  })

  it('has operators who ask by the same proxy, and are told when it is in the way', async () => {
    const plexctl = (user: string, ...argv: string[]) =>
      runProgram('plexctl', [...argv, '--server', url], {
        ...system.controlPlane.environment,
        ...envOf(user),
      })
    const before = proxy.lines.length
    const listed = await plexctl('user:secret', 'node', 'list')
    assert.match(listed.stdout, /^node-01 /m, listed.stderr)
    const uploaded = await plexctl('user:secret', 'event', 'tail', 'no-such-node')
    assert.match(uploaded.stderr, /no-such-node/)
    // The third one asks for names that are like it.
    assert.deepEqual(proxy.lines.slice(before), Array(3).fill(`CONNECT ${target}`))

    const refused = await plexctl('user:wr%ong', 'node', 'list')
    assert.equal(refused.code, 5)
    assert.match(
      refused.stderr,
      /by the proxy http:\/\/\*\*\*@127.* of the environment: .*407 Proxy Authentication Required/,
    )
    assert.doesNotMatch(refused.stderr, /wr%ong/)
    const shown = await plexctl('user:secret', 'config', 'show')
    assert.match(shown.stdout, /^proxy: +http:\/\/\*\*\*@127.* \(from the environment\)$/m)
    const direct = await plexctl('user:wrong', 'config', 'show', '--json')
    assert.match(JSON.parse(direct.stdout).proxy, /^http:\/\/\*\*\*@127/)
  })

  it('is back soon after the proxy is', async () => {
    await proxy.end()
    await until('it is cut off', async () => !(await isConnected()))
    proxy = await startProxy(proxy.port)
    await until('its stream is open again', isConnected, 30_000)
  })
})
