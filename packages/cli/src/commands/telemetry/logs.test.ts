import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TelemetryRecord } from '@plexd/protocol'
import { answer, type Reply } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const aRecord = (id: number, record: object): TelemetryRecord => ({
  id,
  node_id: 'n_web',
  node_hostname: 'web-01',
  received_at: '2025-01-15T10:29:00Z',
  record: { timestamp: `2025-01-15T10:28:0${id}Z`, ...record },
})
const aLog = (id: number, message: string) =>
  aRecord(id, { unit: 'sshd', severity: 'info', message })
const block = (record: TelemetryRecord) => `id: ${record.id}\ndata: ${JSON.stringify(record)}\n\n`
/** Of a stream that ends; the one after it stays open. */
const aStream =
  (...blocks: string[]): Reply =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(blocks.join(''))
  }

// The clock of the tests stands at 10:30.
const sinceAnHour = 'since=2025-01-15T09%3A30%3A00.000Z'

describe('logs', () => {
  it('prints the last hour as lines that are safe on a terminal, page by page', async () => {
    const gap = { count: 7, first: 1, reason: 'the queue was full' }
    await using bench = await startBench({
      [`GET /admin/v1/logs?node=web-01&${sinceAnHour}&limit=1000`]: aPage(
        [aLog(1, 'hi\u001b[2J')],
        'next',
      ),
      [`GET /admin/v1/logs?node=web-01&${sinceAnHour}&limit=1000&after=next`]: aPage([
        aRecord(2, { source: 'plexd', message: '', gap }),
        aRecord(3, {
          unit: 'plexd',
          severity: 'warn',
          message: 'peer is silent',
          fields: { peer_id: 'n_db', path: '/a\u001b b' },
        }),
      ]),
    })

    const { stdout } = await bench.run(['logs', 'web-01'])

    assert.equal(
      stdout,
      '2025-01-15T10:28:01Z  web-01  sshd info: hi?[2J\n' +
        '2025-01-15T10:28:02Z  web-01  : 7 records are missing here: the queue was full\n' +
        '2025-01-15T10:28:03Z  web-01  plexd warn: peer is silent peer_id=n_db path="/a\\u001b b"\n',
    )
  })

  it('asks for what is wanted of a selector, and prints one JSON object a line', async () => {
    const record = aLog(1, 'hi')
    await using bench = await startBench({
      'GET /admin/v1/logs?selector=env%3Dprod&unit=sshd%2Cnginx&severity=warn&grep=x&since=2025-01-15T10%3A00%3A00.000Z&until=2025-01-15T10%3A15%3A00.000Z&limit=1000':
        aPage([record, record]),
    })
    const filter = ['--unit', 'sshd', '--unit', 'nginx', '--severity', 'warning', '--grep', 'x']
    const times = ['--since', '30m', '--until', '15m']

    const { stdout } = await bench.run([
      'logs',
      '-l',
      'env=prod',
      ...filter,
      ...times,
      '-o',
      'json',
    ])

    assert.equal(stdout, `${JSON.stringify(record)}\n`.repeat(2))
  })

  it('follows: prints the last ones, then what comes, each once, across a cut, and says what was left out', async () => {
    const skipped = { count: 3, since: '2025-01-15T10:28:03Z', until: '2025-01-15T10:28:04Z' }
    const interrupt = new AbortController()
    await using bench = await startBench({
      'GET /admin/v1/logs?node=web-01&order=newest&limit=10': aPage([aLog(2, 'b'), aLog(1, 'a')]),
      'GET /admin/v1/logs/follow?node=web-01': aStream(
        block(aLog(2, 'b')),
        block(aLog(3, 'c')),
        `id: 6\ndata: ${JSON.stringify({ skipped })}\n\n`,
      ),
      'GET /admin/v1/logs/follow?node=web-01&after=6': [
        (_request, response) => answer(response, 503, { error: 'later', code: 'unavailable' }),
        aStream(block(aLog(7, 'd'))),
      ],
      'GET /admin/v1/logs/follow?node=web-01&after=7': (_request, response) =>
        answer(response, 404, { error: 'there is no node "web-01"', code: 'not_found' }),
    })
    const running = bench.run(['logs', 'web-01', '--follow'], { signal: interrupt.signal })
    const turning = setInterval(() => bench.clock.advance(10_000), 5)

    try {
      await assert.rejects(running, (error: Error & { stdout: string; stderr: string }) => {
        const messages = error.stdout.split('\n').map((line) => line.slice(-1))
        assert.deepEqual(messages, ['a', 'b', 'c', 'd', ''])
        assert.match(error.stderr, /3 records between 2025-01-15T10:28:03Z and .* left out/)
        assert.match(error.message, /there is no node "web-01"/)
        return true
      })
    } finally {
      clearInterval(turning)
    }
  })

  it('refuses what it cannot know, before it asks anybody', async () => {
    await using bench = await startBench()
    const run = (...argv: string[]) => bench.run(['logs', ...argv])
    await assert.rejects(run(), /no node given: name one, or several with --selector/)
    await assert.rejects(run('web', '-l', 'a=b'), /a node or --selector, not both/)
    await assert.rejects(run('web', '--since', 'soon'), /Want how long ago/)
    await assert.rejects(run('web', '--since', '1h', '--until', '2h'), /is later than --until 2h/)
    await assert.rejects(run('web', '--severity', 'bad'), /Want debug, info, warn, error/)
    await assert.rejects(
      run('web', '-f', '--until', '1h'),
      /--until .* --follow|--follow .* --until/,
    )
    assert.deepEqual(bench.server.requests, [])
  })
})

describe('audit nodes', () => {
  it('says who did what to what, and whether it worked', async () => {
    const subject = { user: 'root', pid: 7 }
    await using bench = await startBench({
      [`GET /admin/v1/audit/nodes?node=web-01&type=file&${sinceAnHour}&limit=1000`]: aPage([
        aRecord(1, {
          event_type: 'file',
          subject,
          action: 'open',
          object: '/etc/x',
          result: 'failure',
        }),
      ]),
    })
    const { stdout } = await bench.run(['audit', 'nodes', 'web-01', '--type', 'file'])
    assert.equal(
      stdout,
      '2025-01-15T10:28:01Z  web-01  file: {"user":"root","pid":7} open /etc/x (failure)\n',
    )
  })
})
