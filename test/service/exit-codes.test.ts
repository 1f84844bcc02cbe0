import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { exitCodes } from '@plexd/runtime'
import { runProgram } from '../../scripts/programs/program.ts'

/** `RestartPreventExitStatus=` of the units: what no restart mends. */
describe('a service that was not set up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-exit-codes-'))
  after(() => rmSync(folder, { recursive: true }))
  const inFolder = (name: string): string => join(folder, name)
  const plexd = ['up', '--no-mesh', '--data-dir', inFolder('node'), '--socket', inFolder('s')]
  const nowhere = ['--api', 'https://127.0.0.1:1', '--token-file', inFolder('none')]
  const plane = ['serve', '--data-dir', inFolder('plane'), '--listen', '127.0.0.1:0']

  for (const [what, program, args, config, reason] of [
    ['no control plane', 'plexd', plexd, '', /no control plane is named/],
    ['no token', 'plexd', [...plexd, ...nowhere], '', /no bootstrap token: looked for/],
    ['broken YAML', 'plexd', [...plexd, ...nowhere], 'api: [', /config\.yaml/],
    ['a wrong value', 'plexd', plexd, 'mesh: { mtu: 5 }', /mesh\.mtu: 5: want/],
    ['broken YAML', 'control-plane', plane, 'listen: [', /config\.yaml/],
    ['a wrong value', 'control-plane', plane, 'log_level: loud', /loud/],
    ['an unknown setting', 'control-plane', plane, 'colour: red', /no setting "colour"/],
  ] as const)
    it(`ends with one exit code: ${program}, ${what}`, async () => {
      const file = inFolder('config.yaml')
      await writeFile(file, config)
      const { code, stderr } = await runProgram(program, [...args, '--config', file])
      assert.match(stderr, reason)
      assert.equal(code, exitCodes.usage)
    })
})
