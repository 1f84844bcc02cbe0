import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import type { Reply } from '../../testing/admin-server.ts'
import { createFakeStreams } from '../../testing/fake-streams.ts'
import { startBench } from '../../testing/run.ts'
import { aPage, aSession } from '../../testing/samples.ts'

const closed = aSession({
  state: 'closed',
  reason: 'idle',
  closed_at: '2025-01-15T10:30:00Z',
  duration: '4m35.2s',
  recording: 'complete',
})

describe('session list', () => {
  it('prints an object with all items, of all pages', async () => {
    await using bench = await startBench({
      'GET /admin/v1/sessions?limit=500': aPage([aSession({ id: 'sess_2' })], 'sess_2'),
      'GET /admin/v1/sessions?limit=500&after=sess_2': aPage([closed]),
    })

    const { stdout } = await bench.run(['session', 'list', '--json'])

    assert.deepEqual(JSON.parse(stdout), { items: [aSession({ id: 'sess_2' }), closed] })
  })

  it('prints a table, and asks for what the flags say', async () => {
    const query = 'limit=500&node=web-01&state=closed'
    await using bench = await startBench({ [`GET /admin/v1/sessions?${query}`]: aPage([closed]) })

    const flags = ['--node', 'web-01', '--state', 'closed']
    const { stdout } = await bench.run(['session', 'list', ...flags])

    assert.deepEqual(stdout.split('\n')[1]?.split(/ {2,}/).slice(0, 6), [
      'sess_1',
      'web-01',
      'deploy',
      'root',
      'closed',
      'idle',
    ])
    assert.match(stdout, /4m35s/)
  })
})

describe('session show', () => {
  it('prints what is known, a line each', async () => {
    await using bench = await startBench({ 'GET /admin/v1/sessions/sess_1': closed })

    const { stdout } = await bench.run(['session', 'show', 'sess_1'])

    assert.match(stdout, /^state: +closed: idle$/m)
    assert.match(stdout, /^node: +web-01 \(n_web\)$/m)
  })
})

describe('session play', () => {
  const lines = [
    { version: 2, width: 80, height: 24 },
    [0.5, 'o', 'one\r\n'],
    [0.6, 'i', 'typed'],
    [4, 'm', 'a \u001b[31mmarker'],
    [60, 'o', 'two €\r\n'],
  ]
  const cast = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const recording = (content: string): Record<string, Reply> => ({
    'GET /admin/v1/sessions/sess_1/recording': (_request, response) => {
      response.end(content)
    },
  })

  it('shows what was shown at its own pace, pauses cut short', async () => {
    await using bench = await startBench(recording(cast))
    const streams = createFakeStreams({ tty: true })
    const shown = text(streams.stdout)
    const playing = bench.run(['session', 'play', 'sess_1', '--speed', '2', '--idle-limit', '3s'], {
      streams,
    })
    const waits = [250, 50, 1_500, 1_500]
    for (const ms of waits) await bench.clock.advance(ms)

    const { stderr } = await playing
    streams.stdout.end()
    assert.equal(await shown, 'one\r\ntwo €\r\n')
    assert.equal(stderr, 'a ?[31mmarker\n')
  })

  it('prints all at once where nobody looks on, and says where a recording is damaged', async () => {
    await using bench = await startBench(recording(`${cast}{"no":"event"}\n`))
    const streams = createFakeStreams()
    const shown = text(streams.stdout)

    await assert.rejects(bench.run(['session', 'play', 'sess_1'], { streams }), {
      message: 'play session "sess_1": line 6 is not of an asciicast v2 recording',
    })
    streams.stdout.end()
    assert.equal(await shown, 'one\r\ntwo €\r\n')
  })

  it('lists what was done, with times, where nothing was shown', async () => {
    const events = [
      { version: 2, width: 80, height: 24 },
      [0.25, 'm', 'sftp'],
      [75.5, 'm', 'sftp: 10 bytes in, 20 \u001b[31mbytes out'],
    ]
    const copies = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    await using bench = await startBench(recording(copies))
    const show = async (...flags: string[]): Promise<string> => {
      const streams = createFakeStreams({ tty: true })
      const shown = text(streams.stdout)
      await bench.run(['session', 'play', 'sess_1', ...flags], { streams })
      streams.stdout.end()
      return shown
    }

    const listed = '       250ms  sftp\n     1m15.5s  sftp: 10 bytes in, 20 ?[31mbytes out\n'
    assert.equal(await show(), listed)
    assert.equal(await show('--json'), copies)
  })

  it('keeps it in a file for its owner alone, and never in place of another', async () => {
    await using bench = await startBench(recording(cast))
    const path = join(bench.folder, 'session.cast')

    await bench.run(['session', 'play', 'sess_1', '-o', path])

    assert.equal(await readFile(path, 'utf8'), cast)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    await assert.rejects(bench.run(['session', 'play', 'sess_1', '-o', path]), /write ".*cast"/)
  })
})
