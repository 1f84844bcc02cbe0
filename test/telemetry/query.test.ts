import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { NodeUsage, TelemetryRecord } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { commandOf, runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'
import { follow, type Started } from '../support/started.ts'

const guide = join(import.meta.dirname, '../../docs/guides/telemetry.md')

describe('what a node logs and measures', () => {
  const system = openSystem()
  let agent: AgentProcess
  let logFile: string

  before(async () => {
    logFile = join(system.folder, 'shop.log')
    await writeFile(logFile, '')
    const config = join(system.folder, 'plexd.yaml')
    await writeFile(
      config,
      `logs: { journald: false, files: [${logFile}] }\nobserve: { interval: 5s, flush_interval: 1s }\n`,
      { mode: 0o600 },
    )
    agent = await system.startAgent('web-01', { args: ['--config', config] })
    await until('the file to be followed', async () => {
      const { stdout } = await runProgram('plexd', ['log-status', '--socket', agent.socket])
      return /shop\.log +running/.test(stdout)
    })
  })

  it('is shown by plexctl soon after: a line of a file, once, across a restart of the control plane', async () => {
    await using tail = start('logs', 'web-01', '-f', '--grep', 'order', '--json')
    const seen = () =>
      tail
        .stdout()
        .split('\n')
        .slice(0, -1)
        .map(
          (line) => ((JSON.parse(line) as TelemetryRecord).record as { message: string }).message,
        )
    await appendFile(logFile, 'order 1\nnoise\n')
    await until('the first line', () => seen().length > 0)
    await system.controlPlane.end('SIGKILL')
    await appendFile(logFile, 'order 2\n')
    await system.controlPlane.start()
    await until('the line behind the restart', () => seen().includes('order 2'))
    await appendFile(logFile, 'order 3\n')
    await until('the last line', () => seen().includes('order 3'))
    assert.deepEqual(seen(), ['order 1', 'order 2', 'order 3'])
    tail.signal('SIGINT')
    assert.equal(await tail.ended, 0)
  })

  it('is what the machine itself says that it uses', async () => {
    const usage = await until('a measurement', async () => {
      const { stdout } = await system.plexctl('top', 'nodes', '--json')
      const [node] = JSON.parse(stdout) as NodeUsage[]
      return node?.measured_at != null && node
    })
    assert.equal(usage.node_hostname, 'web-01')
    assert.equal(usage.stale, false)
    assert.equal(usage.memory_total, totalmem())
    const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0])
    assert.ok(Math.abs(uptime - (usage.uptime_seconds ?? 0)) < 120, `${usage.uptime_seconds}`)
  })

  it('is found by the commands of the guide', async () => {
    const text = await readFile(guide, 'utf8')
    const commands = text.match(/(?<=^ {4})plex(ctl|d) .*$/gm) ?? []
    assert.equal(commands.length, 18)
    for (const command of commands) {
      if (command.endsWith(' -f')) await checkFollow(command)
      else await check(command)
    }
  })

  async function check(command: string): Promise<void> {
    const words = wordsOf(command)
    const { code, stderr } = await (words[0] === 'plexd'
      ? runProgram('plexd', [...words.slice(1), '--socket', agent.socket])
      : system.plexctl(...words.slice(1)))
    assert.equal(code, 0, `${command}: ${stderr}`)
  }

  async function checkFollow(command: string): Promise<void> {
    await using tail = start(...wordsOf(command).slice(1))
    await until('a line', () => tail.stdout().includes('web-01'))
    tail.signal('SIGINT')
    assert.equal(await tail.ended, 0)
  }

  function start(...args: string[]): Started {
    const [command = '', ...rest] = commandOf('plexctl', args)
    const env = { ...process.env, ...system.controlPlane.environment }
    return follow(spawn(command, rest, { env, stdio: 'pipe' }))
  }
})

/** As a shell takes them apart. */
function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, single, double, bare]) =>
    String(single ?? double ?? bare),
  )
}
