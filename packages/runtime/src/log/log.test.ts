import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runModule } from '../testing/child.ts'
import { describeError } from './log.ts'

describe('describeError', () => {
  it('joins the messages of an error and its causes', () => {
    const error = new Error('apply ruleset', {
      cause: new Error('run nft', { cause: 'exit code 1' }),
    })

    assert.equal(describeError(error), 'apply ruleset: run nft: exit code 1')
  })

  it('names the reasons inside an error of several attempts', () => {
    const error = new AggregateError([new Error('connect ::1'), new Error('connect 127.0.0.1')])

    assert.equal(describeError(error), 'connect ::1, connect 127.0.0.1')
  })

  it('finds words for an error without any, and for what is no error', () => {
    assert.equal(describeError(new TypeError()), 'TypeError')
    assert.equal(describeError('text'), 'text')
    assert.equal(describeError(undefined), 'undefined')
  })
})

describe('createLog', () => {
  it('writes nothing that drives or fools the terminal on which it is read', async () => {
    const { stderr } = await runModule(`
      import { createLog } from ${JSON.stringify(import.meta.resolve('./log.ts'))}
      createLog('plexd').warn('refused', { hostname: 'web\\u202e\\u009b2J\\u200b' })`)

    assert.match(stderr, /"hostname":"web\\u202e\\u009b2J\\u200b"/)
    assert.equal(JSON.parse(stderr).hostname, 'web\u202e\u009b2J\u200b')
  })

  it('writes one JSON line each to stderr, errors with their causes and without a stack', async () => {
    const { stdout, stderr } = await runModule(`
      import { createLog } from ${JSON.stringify(import.meta.resolve('./log.ts'))}
      const log = createLog('plexd')
      log.debug('hidden')
      log.info('peer added', { node_id: 'n_web', peer_id: 'n_db' })
      log.error('reconcile failed', { error: new Error('apply', { cause: new Error('nft\\nline') }) })
      createLog('plexd', 'silent').error('hidden')
      createLog('plexd', 'debug').debug('shown')`)

    assert.equal(stdout, '')
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ time, ...fields }) => fields),
      [
        { level: 'info', name: 'plexd', node_id: 'n_web', peer_id: 'n_db', msg: 'peer added' },
        { level: 'error', name: 'plexd', error: 'apply: nft\nline', msg: 'reconcile failed' },
        { level: 'debug', name: 'plexd', msg: 'shown' },
      ],
    )
    assert.match(lines[0]?.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })
  it('writes a short line of a long field, and nothing that a terminal acts on', async () => {
    const { stderr } = await runModule(`
      import { createLog } from ${JSON.stringify(import.meta.resolve('./log.ts'))}
      createLog('plexd').warn('integrity violation', { path: '\u202e' + 'x'.repeat(42_000_000), list: Array(1e6).fill('y') })`)

    assert.ok(stderr.length < 20_000, String(stderr.length))
    assert.match(stderr, /"path":"\\u202ex+… \(42000001 characters\)"/)
  })
})
