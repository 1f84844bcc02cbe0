import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { exitCodes, secretForms } from '@plexd/runtime'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { commandOf, runToEnd } from '../../scripts/programs/program.ts'
import { commandsIn, readGuide } from '../support/guide.ts'
import { openSystem } from '../support/open-system.ts'

const root = join(import.meta.dirname, '../..')
const guide = await readGuide('troubleshooting')

/** What each bundle shows of a system that runs. */
const contents: Readonly<Record<string, readonly RegExp[]>> = {
  report: [/"stream": "connected"/, /"key": "motd"/, /"check": "control plane",\n +"state": "ok"/],
  bundle: [/"role": "owner"/, /^plexd_nodes\{/m, /"event_type": "node_state_updated"/],
  'control-plane': [/"quick_check": "ok"/, /"signing_keys": [1-9]/],
}

describe('the guide to troubleshooting', () => {
  const system = openSystem()

  it('has commands that there are, and that answer', async () => {
    await using agent = await system.startAgent('web-01')
    await writeFile(join(agent.home, 'config.yaml'), 'log_level: info\n')
    const canaries = await plant()
    const commands = [...new Set(commandsIn(guide))]
    assert.ok(commands.length > 15)
    for (const command of commands) {
      const { code, stderr } = await run(command, agent)
      const wanted: readonly number[] = /doctor|netcheck/.test(command)
        ? [exitCodes.ok, exitCodes.failed]
        : [exitCodes.ok]
      assert.ok(wanted.includes(code), `${command}: ${code}: ${stderr}`)
    }
    await checkBundles(agent, canaries)
  })

  it('quotes what programs print', async () => {
    const texts = globSync('packages/*/src/**/*.ts', { cwd: root }).filter(
      (file) => !/\.test\.ts$|\/testing\//.test(file),
    )
    const sources = await Promise.all(texts.map((file) => readFile(join(root, file), 'utf8')))
    const quotes = [...guide.matchAll(/^\| `([^`]+)` \|/gm)].map(([, quote = '']) => quote)
    assert.ok(quotes.length > 20)
    // What one program composes may come from several places.
    const isPrinted = (part: string): boolean => sources.some((source) => source.includes(part))
    const partsOf = (quote: string): string[] =>
      quote
        .split('…')
        .map((part) => part.replace(/^[\s:;,]+|[\s:;,]+$/g, ''))
        .filter((part) => part.length > 5)
    assert.deepEqual(
      quotes.filter((quote) => !partsOf(quote).every(isPrinted)),
      [],
    )
  })

  /** Values of an operator, which no bundle may have. */
  async function plant(): Promise<string[]> {
    const [secret, data] = [`canary-${crypto.randomUUID()}`, `canary-${crypto.randomUUID()}`]
    const target = { selector: '*' }
    await system.admin.putSecret({
      params: { key: 'db/password' },
      body: { target, value: secret },
    })
    await system.admin.putData({
      params: { key: 'motd' },
      body: { target, content_type: 'text/plain', payload: data },
    })
    return [secret, data]
  }

  async function checkBundles(agent: AgentProcess, canaries: readonly string[]): Promise<void> {
    const identity = JSON.parse(await readFile(join(agent.dataDir, 'identity.json'), 'utf8'))
    const { private_key, node_secret_key, node_token } = identity
    const secrets = [...canaries, private_key, node_secret_key, node_token, system.adminToken]
    const { dataDir } = system.controlPlane
    secrets.push((await readFile(join(dataDir, 'master.key'), 'utf8')).trim())
    for (const name of ['report', 'bundle', 'control-plane']) {
      const file = join(system.folder, `${name}.tar.gz`)
      const { code, stdout } = await runToEnd('tar', ['-xzOf', file])
      assert.equal(code, 0, file)
      for (const form of secrets.filter(Boolean).flatMap(secretForms))
        assert.ok(!stdout.includes(form), `${name} has "${form}"`)
      const parts = contents[name] ?? []
      for (const part of parts) assert.match(stdout, part, `${name} lacks ${part}`)
    }
  }

  /** With the options that find this system. */
  function run(command: string, agent: AgentProcess) {
    const [program = '', ...args] = command.replace('| less', '').trim().split(' ')
    const { dataDir } = system.controlPlane
    const place =
      program === 'plexd'
        ? whereAgent(agent, args)
        : program === 'plexd-control-plane'
          ? ['--data-dir', dataDir, '--listen', new URL(system.controlPlane.url).host]
          : []
    const name = program === 'plexd-control-plane' ? 'control-plane' : program
    const [executable = '', ...before] =
      name === 'plexd' || name === 'plexctl' || name === 'control-plane'
        ? commandOf(name, [])
        : [name]
    const quoted = [executable, ...before, ...args, ...place].map((word) => `'${word}'`).join(' ')
    return runToEnd('sh', ['-ec', `cd '${system.folder}'; ${quoted}`], {
      ...system.controlPlane.environment,
      PLEXD_API: system.controlPlane.url,
      PLEXD_CA_FILE: system.controlPlane.caFile,
    })
  }
})

function whereAgent({ socket, dataDir }: AgentProcess, [command]: string[]): string[] {
  return command === 'config'
    ? [join(dataDir, '../config.yaml')]
    : ['--socket', socket, '--data-dir', dataDir]
}
