import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JsonLine, readJsonLine } from './json-line.ts'
import { type Said, toRecord } from './log-record.ts'
import { createRedaction } from './redaction.ts'

const timeMs = Date.parse('2025-01-15T10:30:00.100Z')
const origin = { timeMs, unit: 'plexd', hostname: 'web-01' }
const read = (line: object): JsonLine | undefined => readJsonLine(JSON.stringify(line), origin)

describe('readJsonLine', () => {
  it("takes plexd's own lines apart, without what the record says anyway", () => {
    const time = '2025-01-15T10:30:00.099Z'
    const line = { level: 'warn', time, name: 'plexd', peer_id: 'n_db', msg: 'peer is silent' }
    assert.deepEqual(read(line), {
      message: 'peer is silent',
      severity: 'warn',
      fields: { peer_id: 'n_db' },
    })
  })

  it('knows the usual libraries', () => {
    const samples: [object, string, string | undefined, object][] = [
      [
        { level: 30, time: timeMs, pid: 7, hostname: 'web-01', msg: 'pino' },
        'pino',
        'info',
        { pid: 7 },
      ],
      [{ level: 'info', ts: timeMs / 1_000, msg: 'zap' }, 'zap', 'info', {}],
      [
        { time: 'long ago', level: 'ERROR', msg: 'slog', n: 1 },
        'slog',
        'error',
        { time: 'long ago', n: 1 },
      ],
      [
        { '@t': '2025-01-15T10:30:00Z', '@m': 'serilog', '@l': 'Fatal' },
        'serilog',
        'error',
        { '@l': 'Fatal' },
      ],
      [{ event: 'structlog', level: 'critical' }, 'structlog', 'error', { level: 'critical' }],
      [{ log: 'docker\n', stream: 'stdout' }, 'docker', undefined, { stream: 'stdout' }],
      [{ 'log.level': 'debug', message: 'ecs' }, 'ecs', 'debug', {}],
      [{ level: 4, message: 'gelf' }, 'gelf', 'warn', { level: 4 }],
      [{ level: 'chatty', message: 'own' }, 'own', undefined, { level: 'chatty' }],
    ]
    for (const [line, message, severity, fields] of samples)
      assert.deepEqual(read(line), { message, severity, fields })
  })

  it('leaves all else the text that it is', () => {
    const texts = [
      '{}',
      '[{"msg":"x"}]',
      '{"msg":""}',
      '{"msg":7}',
      'x {"msg":"x"}',
      '{"msg":"x"} {}',
    ]
    const deep = `{"msg":"x","a":${'['.repeat(9)}${']'.repeat(9)}}`
    const wide = JSON.stringify({ msg: 'x', list: Array(300).fill(1) })
    const long = JSON.stringify({ msg: 'x'.repeat(17_000) })
    for (const text of [...texts, deep, wide, long])
      assert.equal(readJsonLine(text, origin), undefined, text.slice(0, 99))
  })

  it('keeps numbers and keys of any kind', () => {
    const text = '{"msg":"x","id":18446744073709551615,"__proto__":{"a":1}}'
    assert.equal(
      JSON.stringify(readJsonLine(text, origin)?.fields),
      '{"id":18446744073709551615,"__proto__":{"a":1}}',
    )
  })
})

describe('a line of JSON as a record', () => {
  const said: Omit<Said, 'text'> = {
    ...{ timeMs, source: 'file', unit: '/srv/app.log', severity: 'info', isCut: false },
  }
  const redaction = createRedaction(['\\d{13,16}', '(?i)iban \\S+'], () => ['n0de-secret'])
  async function record(text: string, json = true) {
    const rules = { hostname: 'web-01', least: 'info', redact: await redaction, json } as const
    const {
      timestamp: _,
      source,
      unit,
      hostname,
      ...rest
    } = toRecord({ ...said, text }, rules) ?? assert.fail('it is left out')
    return rest
  }

  it('has the severity of the line, by which it may be left out', async () => {
    assert.deepEqual(await record('{"level":"error","msg":"x","n":1}'), {
      message: 'x',
      severity: 'error',
      fields: { n: 1 },
    })
    await assert.rejects(record('{"level":"debug","msg":"x"}'), /left out/)
  })

  it('is a text where that is wanted', async () => {
    const text = '{"level":"error","msg":"x"}'
    assert.deepEqual(await record(text, false), { message: text, severity: 'info' })
  })

  it('has no secrets, however they are written', async () => {
    const lines: [string, object][] = [
      ['{"msg":"pass\\u0077ord=hunter2 x"}', { message: 'password=[redacted] x' }],
      ['{"msg":"x","api_key":"abcdef"}', { message: 'x', fields: { api_key: '[redacted]' } }],
      [
        '{"msg":"x","a":{"pass\\u0077ord":"abc"}}',
        { message: 'x', fields: { a: { password: '[redacted]' } } },
      ],
      [
        '{"msg":"x","u":"http:\\/\\/me:pw@h\\/"}',
        { message: 'x', fields: { u: 'http://[redacted]@h/' } },
      ],
      ['{"msg":"x","card":4111111111111111}', { message: 'x', fields: { card: '[redacted]' } }],
      ['{"msg":"card: 4111111111111111, x"}', { message: 'card: [redacted], x' }],
      ['{"msg":"IBAN DE123 n0de-secret"}', { message: '[redacted] [redacted]' }],
      [
        '{"msg":"x","k":"-----BEGIN PRIVATE KEY-----\\nMIIE"}',
        { message: '{"msg":"x","k":"-----BEGIN PRIVATE KEY-----[redacted]' },
      ],
    ]
    for (const [line, wanted] of lines)
      assert.deepEqual(await record(line), { severity: 'info', ...wanted }, line)
  })
})
