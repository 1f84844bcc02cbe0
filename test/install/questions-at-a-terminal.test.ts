import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { exitCodes } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { commandOf } from '../../scripts/programs/program.ts'

describe('plexd setup at a terminal', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await writeFile(join(folder, 'config.yaml'), '')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Types each answer when its question is shown; resolves to what was shown, and how the shell saw it end. */
  async function answer(...answers: [question: string, typed: string][]): Promise<string> {
    const place = ['--data-dir', join(folder, 'data'), '--config', join(folder, 'config.yaml')]
    const words = commandOf('plexd', ['setup', '--skip-checks', ...place])
    // The shell is interrupted, too, and goes on.
    const line = `trap : INT; ${words.join(' ')}; echo "code=$?"; stty -a`
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: 'pipe' })
    const ended = once(child, 'close')
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
    })
    for (const [question, typed] of answers) {
      await until(`"${question}" on the terminal`, () => shown.includes(question))
      shown = ''
      child.stdin.write(typed)
    }
    await ended
    assert.match(shown, / icanon .* echo /, 'the terminal is as it was')
    assert.equal(existsSync(join(folder, 'data')), false, 'nothing was written')
    return shown
  }
  const nothing: [string, string] = ['Join string, or nothing', '\r']
  const interrupt = '\u0003'

  it('is interrupted at any question', async () => {
    const hidden = await answer(['Join string, or nothing', interrupt])
    assert.match(
      hidden,
      /plexd: ask "Join string.*" at the terminal: interrupted: run this again\r\ncode=130/,
    )
    const address: [string, string] = ['Control plane, ', 'https://cp.example.com\r']
    const authority: [string, string] = ['SHA-256 fingerprint', '\r']
    for (const before of [[], [address], [address, authority]]) {
      const last =
        ['Control plane, ', 'SHA-256 fingerprint', 'Bootstrap token'][before.length] ?? ''
      assert.match(await answer(nothing, ...before, [last, interrupt]), /code=130/, last)
    }
  })

  it('says that the terminal was closed, and does not wait for ever', async () => {
    const closed = await answer(nothing, ['Control plane, ', '\u0004'])
    assert.match(closed, new RegExp(`it was closed: run this again\r\ncode=${exitCodes.usage}`))
  })

  it('shows no password of an address that it refuses', async () => {
    const wrong: [string, string] = ['Control plane, ', 'https://:canary@cp.example.com\r']
    const shown = await answer(nothing, wrong, ['want no user', interrupt])
    assert.doesNotMatch(shown, /"[^"]*canary[^"]*"/)
  })
})
