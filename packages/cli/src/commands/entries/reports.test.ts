import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'
import { anEntry, aPage } from '../../testing/samples.ts'

describe('report list', () => {
  it('shows who wrote an entry, as far as its node can know', async () => {
    const entries = ['0', 'tcp', undefined].map((written_by) =>
      anEntry(written_by === undefined ? {} : { written_by }),
    )
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/reports?limit=500': aPage(entries),
    })
    const { stdout } = await bench.run(['report', 'list', 'web-01'])
    const [, ...rows] = stdout.trimEnd().split('\n')
    assert.deepEqual(
      rows.map((row) => row.split(/ {2,}/).at(-1)),
      ['user 0', 'TCP, whoever holds the token', '-'],
    )
  })

  it('shows keys and versions as text, entries as JSON', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/reports?limit=500': aPage([anEntry()]),
    })

    const { stdout: table } = await bench.run(['report', 'list', 'web-01'])
    const { stdout: json } = await bench.run(['report', 'list', 'web-01', '--json'])

    assert.match(table, /^app-health {2}application\/json {2}3 {8}5m {7}-$/m)
    assert.deepEqual(JSON.parse(json), [anEntry()])
  })
})

describe('report show', () => {
  it('prints the payload alone as text, and the entry as JSON', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/reports/app%2Fhealth': anEntry(),
    })

    const { stdout: text } = await bench.run(['report', 'show', 'web-01', 'app/health'])
    const { stdout: json } = await bench.run(['report', 'show', 'web-01', 'app/health', '--json'])

    assert.equal(text, '{\n  "status": "healthy"\n}\n')
    assert.deepEqual(JSON.parse(json), anEntry())
  })

  it('prints the lines and tabs of a text payload, and nothing that drives the terminal', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/reports/motd': anEntry({ payload: 'a\tb\r\n\u001b[2Jc\n' }),
    })

    const { stdout } = await bench.run(['report', 'show', 'web-01', 'motd'])

    assert.equal(stdout, 'a\tb\n?[2Jc\n')
  })
})
