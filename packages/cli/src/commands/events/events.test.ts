import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'

const aRecord = (id: string, payload_of: 'event' | 'now' = 'event') => ({
  id,
  event_id: `evt_${id}`,
  event_type: 'peer_removed',
  node_id: 'n_web',
  node_hostname: 'web-01',
  created_at: '2025-01-15T10:30:00Z',
  payload_of,
  payload: { peer_id: 'n_db', note: '\u001b[2J' },
})

/** Opens a stream with these blocks in it; it stays open unless `end` says otherwise. */
const stream =
  (blocks: string[], { end = false } = {}) =>
  (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const block of blocks) response.write(block)
    if (end) response.end()
  }

const block = (id: string, payload_of: 'event' | 'now' = 'event') =>
  `: keepalive\n\nid: ${id}\nevent: peer_removed\ndata: ${JSON.stringify(aRecord(id, payload_of))}\n\n`

const path = 'GET /admin/v1/nodes/web-01/events'

describe('event tail', () => {
  it('prints a line for each event until it is interrupted', async () => {
    await using bench = await startBench({
      [`${path}?after=0`]: stream([block('1-1'), block('1-2')]),
    })
    const stop = new AbortController()

    const { stdout, stderr } = await bench.run(['event', 'tail', 'web-01', '--after', '0'], {
      signal: stop.signal,
      onStdout: (text) => text.includes('1-2') && stop.abort(),
    })

    const payload = '{"peer_id":"n_db","note":"\\u001b[2J"}'
    assert.equal(
      stdout,
      `2025-01-15T10:30:00Z  1-1  peer_removed  ${payload}\n2025-01-15T10:30:00Z  1-2  peer_removed  ${payload}\n`,
    )
    assert.equal(stderr, '')
    assert.equal(bench.server.requests[0]?.headers.accept, 'text/event-stream')
  })

  it('prints numbers as they were sent', async () => {
    const data = JSON.stringify(aRecord('1-1')).replace('"n_db"', '18446744073709551615')
    await using bench = await startBench({ [path]: stream([`id: 1-1\ndata: ${data}\n\n`]) })
    const stop = new AbortController()

    const { stdout } = await bench.run(['event', 'tail', 'web-01', '--json'], {
      signal: stop.signal,
      onStdout: () => stop.abort(),
    })

    assert.match(stdout, /"peer_id":18446744073709551615/)
  })

  it('marks the line whose payload is of now and not of the event', async () => {
    await using bench = await startBench({ [path]: stream([block('1-1', 'now')]) })
    const stop = new AbortController()

    const { stdout } = await bench.run(['event', 'tail', 'web-01'], {
      signal: stop.signal,
      onStdout: () => stop.abort(),
    })

    assert.match(stdout, / {2}1-1 {2}peer_removed \(as of now\) {2}\{/)
  })

  it('prints a JSON object on each line, also when the data came in several', async () => {
    const data = JSON.stringify(aRecord('1-1')).replaceAll(',', ',\ndata: ')
    await using bench = await startBench({ [path]: stream([`id: 1-1\ndata: ${data}\n\n`]) })
    const stop = new AbortController()

    const { stdout } = await bench.run(['event', 'tail', 'web-01', '--json'], {
      signal: stop.signal,
      onStdout: () => stop.abort(),
    })

    assert.equal(stdout, `${JSON.stringify(aRecord('1-1'))}\n`)
  })

  it('comes back behind the last event when the stream is cut or refused for a while', async () => {
    await using bench = await startBench({
      [path]: stream([block('1-1'), 'id: 1-5\n\n'], { end: true }),
      [`${path}?after=1-5`]: [failure(503, 'stopping'), stream([block('1-6')])],
    })
    const stop = new AbortController()

    const running = bench.run(['event', 'tail', 'web-01', '--json'], {
      signal: stop.signal,
      onStdout: (text) => text.includes('1-6') && stop.abort(),
    })
    const isTold = async () => {
      await bench.clock.advance(500)
      return stop.signal.aborted
    }
    await until('event 1-6 is printed', isTold, 20_000, 0)
    const { stdout, stderr } = await running

    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
      ['1-1', '1-6'],
    )
    assert.match(
      stderr,
      /^plexctl: event stream ended: the control plane closed it; trying again in /,
    )
    assert.match(stderr, /ended: stopping; trying again in /)
  })

  it('fails at once when the first attempt does', async () => {
    await using bench = await startBench({ [path]: failure(503, 'stopping') })

    await assert.rejects(bench.run(['event', 'tail', 'web-01']), {
      status: 503,
      message: 'stopping',
    })
  })

  it('fails when the node is gone by the time it comes back', async () => {
    await using bench = await startBench({
      [path]: [stream([], { end: true }), failure(404, 'node "web-01" not found')],
    })

    const running = assert.rejects(bench.run(['event', 'tail', 'web-01']), { status: 404 })
    while (bench.server.requests.length < 2) await bench.clock.advance(500)
    await running
  })
})
