import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TelemetryKind } from '@plexd/protocol'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { testLimits } from '../../testing/harness.ts'
import { parseBatch } from './batch.ts'
import { recordsOf, textOf } from './pack.ts'

const at = '2025-01-15T10:30:00Z'
const parse = (kind: TelemetryKind, text: string) => {
  const { packs, dropped, refusals } = parseBatch(
    kind,
    Buffer.from(text),
    resolveLimits(limits, {}),
  )
  const records = packs.flatMap(({ body }) => recordsOf(textOf(body)))
  return { records, dropped, refusals, packs }
}
const taken = (kind: TelemetryKind, text: string) => {
  const { records, dropped } = parse(kind, text)
  return { records, dropped }
}

describe('parseBatch', () => {
  it("reads the seed's examples: an array of metrics, lines of logs and audit", () => {
    const metrics = `[{"timestamp":"${at}","group":"node_resources","data":{"cpu_percent":23.5}},
      {"timestamp":"${at}","group":"tunnel_health","peer_id":"n_peer456","data":{"tx_bytes":1048576}}]`
    const log = `{"timestamp":"2025-01-15T10:30:00.123Z","source":"journald","unit":"plexd","message":"ok","severity":"info","hostname":"web-01"}`
    const audit = `{"timestamp":"${at}","source":"auditd","event_type":"SYSCALL","subject":{"uid":1000},"object":{"path":"/etc/shadow"},"action":"open","result":"denied","hostname":"web-01","raw":"..."}`
    assert.equal(parse('metrics', metrics).records.length, 2)
    assert.deepEqual(taken('logs', `${log}\n${log}\n`), { records: [log, log], dropped: 0 })
    assert.deepEqual(taken('audit', audit), { records: [audit], dropped: 0 })
  })

  it('reads what the Go agent sends: arrays everywhere, objects as text, local zones', () => {
    const audit = `[{"timestamp":"2025-01-15T10:30:00.123456789+02:00","source":"auditd","event_type":"SYSCALL","subject":null,"object":"/etc/shadow","action":"open","result":"success","hostname":"h","raw":""}]`
    assert.equal(parse('audit', audit).records.length, 1)
  })

  it('says severities in the four words of the seed, and leaves the rest of the record alone', () => {
    const severities = [
      'emerg',
      'alert',
      'crit',
      'err',
      'warning',
      'notice',
      'info',
      'debug',
      'WARN',
    ]
    const lines = severities.map(
      (severity) =>
        `{ "n": 18446744073709551615, "timestamp":"${at}","message":"m","severity":"${severity}"}`,
    )
    const { records } = parse('logs', lines.join('\r\n'))
    assert.deepEqual(
      records.map((record) => JSON.parse(record).severity),
      ['error', 'error', 'error', 'error', 'warn', 'info', 'info', 'debug', 'warn'],
    )
    for (const record of records) assert.match(record, /18446744073709551615/)
  })

  it('counts and drops what does not fit, as long as something does', () => {
    const good = `{"timestamp":"${at}","message":"m"}`
    assert.deepEqual(taken('logs', `${good}\n{"timestamp":"yesterday","message":"m"}\n{"trunc`), {
      records: [good],
      dropped: 2,
    })
    assert.deepEqual(taken('logs', `[${good},7,null]`), { records: [good], dropped: 2 })
    assert.equal(
      parse('logs', `${good}\n{"timestamp":"${at}","message":"${'x'.repeat(300_000)}"}`).dropped,
      1,
    )
  })

  it('says where the valid records stood, and why the first ten others were dropped', () => {
    const good = `{"timestamp":"${at}","message":"m"}`
    const { packs, dropped, refusals } = parse(
      'logs',
      `[7,${good},{"a":1}${',0'.repeat(20)},${good}]`,
    )
    assert.deepEqual([packs[0]?.places, dropped, refusals.length], [[1, 23], 22, 10])
    assert.deepEqual(refusals[1]?.record, 2)
    assert.match(refusals[1]?.reason ?? '', /timestamp/)
  })

  it('drops a record in which a key of ours stands twice', () => {
    const good = `{"timestamp":"${at}","group":"g","data":{"a":1,"a":2}}`
    const twice = `{"timestamp":"${at}","group":"g","group":"h","data":{}}`
    assert.deepEqual(taken('metrics', `[${good},${twice}]`), { records: [good], dropped: 1 })
  })

  it('refuses a batch of which nothing fits', () => {
    for (const text of ['', ' ', '{', '[1]', '[{"a":1}', '{"message":"m"}', 'null', '"x"'])
      assert.throws(() => parse('logs', text), { code: 'bad_request' })
    assert.deepEqual(taken('logs', '[]'), { records: [], dropped: 0 })
  })

  it('refuses more records than any node sends at once', () => {
    assert.throws(() => parse('logs', `[${'0,'.repeat(50_000)}0]`), {
      code: 'payload_too_large',
      message:
        'the batch has more than 50000 records (limit telemetry_batch_records): send it in parts',
    })
  })

  it('goes by the limits that are set', () => {
    const record = `{"timestamp":"${at}","message":"${'m'.repeat(100)}"}`
    const one = testLimits({ telemetry_batch_records: 1, telemetry_record_bytes: 100 })
    const parseWithin = (text: string) => parseBatch('logs', Buffer.from(text), one)
    assert.throws(() => parseWithin(`${record}\n${record}`), /more than 1 records/)
    assert.throws(
      () => parseWithin(record),
      /larger than 100 bytes \(limit telemetry_record_bytes\)/,
    )
  })
})
