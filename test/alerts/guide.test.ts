import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { commandOf, runToEnd } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { openSystem } from '../support/open-system.ts'

describe('the guide to alerts', () => {
  const system = openSystem()

  it('has commands that work in its order, and a webhook that is told', async () => {
    const got: string[] = []
    await using receiver = await serve((request, response) => {
      request.resume()
      got.push(String(request.headers['webhook-signature']))
      response.end()
    })
    await system.enrol('web-01')
    const commands = (await commandsOf('alerts')).filter((line) => line.startsWith('plexctl '))
    assert.equal(commands.length, 14)
    const program = commandOf('plexctl', [])
      .map((word) => `'${word}'`)
      .join(' ')
    const script = commands
      .map((command) =>
        command
          .replace(/^plexctl/, program)
          .replace('https://alerts.example.com', `--allow-http ${receiver.url}`),
      )
      .join('\n')

    const { code, stderr } = await runToEnd(
      'sh',
      ['-ec', `cd '${system.folder}'\n${script}`],
      system.controlPlane.environment,
    )

    assert.equal(code, 0, stderr)
    assert.match(await readFile(join(system.folder, 'webhook-secret'), 'utf8'), /^whsec_/)
    assert.match(await readFile(join(system.folder, 'rule.yaml'), 'utf8'), /^severity: warning$/m)
    assert.ok(got.every((signature) => signature.startsWith('v1,')) && got.length === 1)
  })
})
