import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plainRules } from '../../testing/record-rules.ts'
import { maxMessageBytes, type Said, severityOf, toRecord } from './log-record.ts'

const said: Said = {
  timeMs: Date.UTC(2025, 0, 15),
  source: 'journald',
  unit: 'sshd',
  text: 'Accepted publickey for admin',
  severity: 'info',
  isCut: false,
}

describe('toRecord', () => {
  it('has the form of the control API', () => {
    assert.deepEqual(toRecord(said, plainRules), {
      timestamp: '2025-01-15T00:00:00.000Z',
      source: 'journald',
      unit: 'sshd',
      message: 'Accepted publickey for admin',
      severity: 'info',
      hostname: 'web-01',
    })
  })

  it('leaves out what is less severe', () => {
    assert.equal(toRecord({ ...said, severity: 'debug' }, plainRules), undefined)
  })

  it('cuts a message at 16 KiB, between two characters, and says so', () => {
    const { message = '' } = toRecord({ ...said, text: 'é'.repeat(10_000) }, plainRules) ?? {}
    assert.match(message, /^é+\[truncated\]$/)
    assert.equal(Buffer.byteLength(message), maxMessageBytes - 1)
    assert.equal(
      toRecord({ ...said, text: 'ab\ufffd', isCut: true }, plainRules)?.message,
      'ab[truncated]',
    )
  })

  it('has no NUL bytes', () => {
    assert.equal(toRecord({ ...said, text: 'a\0b' }, plainRules)?.message, 'a\ufffdb')
  })
})

it('severityOf reads what is obvious', () => {
  const samples = {
    error: [
      '2025 ERROR disk',
      '[error] x',
      'level=error msg',
      '{"level":"fatal"}',
      'app: CRITICAL: x',
    ],
    warn: ['WARNING: low', 'time="x" level=warning', '[warn] y'],
    debug: ['DEBUG x', '{"severity": "debug"}'],
    info: ['an error is mentioned', 'TERROR', 'ERROR_COUNT=0', 'level=info error', ''],
  }
  for (const [want, texts] of Object.entries(samples))
    for (const text of texts) assert.equal(severityOf(text), want, text)
})
