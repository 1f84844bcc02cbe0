import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { readRequest } from '../../scripts/build/options.ts'
import { newKey } from '../../scripts/build/release-key.ts'
import { root as project } from '../../scripts/programs/build.ts'
import { commandOf, runToEnd } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { openSystem } from '../support/open-system.ts'
import { createRelease } from './support/release.ts'

/** On machines of its own all of it is done, in `hour-on-machines.test.ts`. */
describe('the guide to the first hour', () => {
  const system = openSystem()

  it('has commands that there are, with options that they take', async () => {
    const release = await createRelease(join(system.folder, 'release'))
    await writeFile(join(system.folder, 'release.pem'), newKey().privatePem)
    await using build = await serve(async ({ url = '' }, response) => {
      response.end(await readFile(join(release.folder, url)))
    })
    const commands = await commandsOf('first-hour')
    assert.ok(commands.length > 10)
    for (const command of commands) await check(command, build.url)
    const { body } = await system.admin.getNode({ params: { node: 'web-01' } })
    assert.equal(body.hostname, 'web-01')
  })

  /** `from` is where this build can be downloaded. */
  async function check(command: string, from: string): Promise<void> {
    const [program = '', ...args] = command.split(' ')
    if (program === './run') {
      const placed = args.slice(1).map((arg) => arg.replace(/^release/, `${system.folder}/release`))
      assert.ok('newKey' in (await readRequest(placed)) || args.includes('--sign-key'))
    } else if (program === 'systemctl') {
      const unit = `${args.at(-1)}.service`
      assert.ok(existsSync(join(project, 'deploy/packages', args.at(-1) ?? '', unit)), unit)
    } else await run(command.replace('https://dl.example.com/plexd', from))
  }

  async function run(command: string): Promise<void> {
    const isInstaller = command.startsWith('sh ')
    const line = isInstaller ? `${command} --dry-run` : await placed(command)
    const { code, stderr } = await runToEnd('sh', ['-c', `cd '${system.folder}' && ${line}`], {
      ...system.controlPlane.environment,
    })
    assert.equal(code, 0, `${command}: ${stderr}`)
  }

  /** With what finds this system, and the join string that a person would put there. */
  async function placed(command: string): Promise<string> {
    const [name = '', ...args] = command.split(' ')
    if (name !== 'plexd' && name !== 'plexctl') return command
    const words = [...commandOf(name, []), ...args]
    if (name === 'plexctl') return words.join(' ')
    const file = join(system.folder, 'join')
    const { stdout } = await system.plexctl('token', 'create', '--join')
    await writeFile(file, stdout, { mode: 0o600 })
    await writeFile(join(system.folder, 'web.yaml'), '')
    const place = [
      '--data-dir',
      join(system.folder, 'web'),
      '--config',
      join(system.folder, 'web.yaml'),
    ]
    return [
      ...words.map((word) => word.replace('/run/join', file)),
      ...place,
      '--no-mesh',
      '--hostname',
      'web-01',
    ].join(' ')
  }
})
