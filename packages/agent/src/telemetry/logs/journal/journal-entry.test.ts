import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxReadBytes } from '../records/log-record.ts'
import { entriesBetween, parseJournalLine } from './journal-entry.ts'

const base = { __CURSOR: 's=ab;i=1f;b=1', __REALTIME_TIMESTAMP: '1736937000123456' }

describe('parseJournalLine', () => {
  it('reads an entry', () => {
    const fields = { MESSAGE: 'started', PRIORITY: '4', _SYSTEMD_UNIT: 'nginx.service', _PID: '7' }
    assert.deepEqual(parse(fields), {
      cursor: 's=ab;i=1f;b=1',
      isAudit: false,
      timeMs: 1736937000123.456,
      source: 'journald',
      unit: 'nginx',
      text: 'started',
      severity: 'warn',
      isCut: false,
    })
  })

  it('reads an entry of our own programs as the line that it was', () => {
    const line = '{"level":"warn","name":"plexd","peer_id":"n_db","msg":"peer is silent"}'
    const entry = parse({ MESSAGE: 'peer is silent peer_id=n_db', PLEXD_JSON: line, PRIORITY: '6' })
    assert.deepEqual([entry?.text, entry?.severity], [line, 'warn'])
  })

  it('names the unit that it is about', () => {
    const manager = { _SYSTEMD_UNIT: 'init.scope', _PID: '1' }
    assert.equal(parse({ ...manager, UNIT: 'nginx.service' })?.unit, 'nginx')
    assert.equal(parse(manager)?.unit, 'init.scope')
    assert.equal(parse({ _TRANSPORT: 'kernel', SYSLOG_IDENTIFIER: 'kernel' })?.unit, 'kernel')
    assert.equal(parse({ SYSLOG_IDENTIFIER: 'cron' })?.unit, 'cron')
  })

  it('reads bytes that are no text, several values, and one that was too long', () => {
    assert.equal(parse({ MESSAGE: [104, 105, 255] })?.text, 'hi\ufffd')
    assert.equal(parse({ MESSAGE: ['a', [98]], PRIORITY: ['3', '6'] })?.text, 'a\nb')
    const { text, isCut } = parse({ MESSAGE: null }) ?? {}
    assert.deepEqual([text, isCut], ['', true])
  })

  it('reads the beginning of a line that was cut', () => {
    const line = JSON.stringify({ ...base, MESSAGE: '"é\u0001'.repeat(100_000) })
    for (let end = 90_000; end < 90_020; end++) {
      const entry = parseJournalLine(line.slice(0, end))
      assert.deepEqual([entry?.cursor, entry?.isCut], [base.__CURSOR, true])
      assert.ok(entry?.text.startsWith('"é\u0001'.repeat(1_000)))
      assert.ok((entry?.text.length ?? 0) <= maxReadBytes)
    }
  })

  it('passes over what is no entry', () => {
    assert.equal(parseJournalLine('Failed to seek'), undefined)
    assert.equal(parseJournalLine('{"MESSAGE":"x"}'), undefined)
    assert.equal(parseJournalLine('null'), undefined)
  })
})

it('entriesBetween counts those of one journal', () => {
  assert.equal(entriesBetween('s=ab;i=9;b=1', 's=ab;i=a;b=1'), 0)
  assert.equal(entriesBetween('s=ab;i=9;b=1', 's=ab;i=1f;b=2'), 21)
  assert.equal(entriesBetween('s=ab;i=9;b=1', 's=cd;i=1f;b=2'), 0)
  assert.equal(entriesBetween('', 's=cd;i=1f;b=2'), 0)
})

function parse(fields: object) {
  return parseJournalLine(JSON.stringify({ ...base, ...fields }))
}
