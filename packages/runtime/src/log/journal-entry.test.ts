import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { journalEntry, shortenedLine } from './journal-entry.ts'

const base = { level: 'warn', time: '2026-01-15T10:30:00Z', name: 'plexd' }

describe('journalEntry', () => {
  it('has each field as a field, and a message for people', () => {
    const line = JSON.stringify({
      ...base,
      peer_id: 'n_db',
      why: 'no answer',
      n: 3,
      msg: 'peer is silent',
    })
    assert.deepEqual(decode(journalEntry(`${line}\n`)), {
      MESSAGE: 'peer is silent peer_id=n_db why="no answer" n=3',
      PRIORITY: '4',
      SYSLOG_IDENTIFIER: 'plexd',
      PLEXD_JSON: line,
      PLEXD_PEER_ID: 'n_db',
      PLEXD_WHY: 'no answer',
      PLEXD_N: '3',
    })
  })

  it('takes values of several lines and of any bytes, and keeps them out of the message', () => {
    const fields = {
      stderr: 'one\ntwo\u0000\u001b[2J\nPRIORITY=0\n',
      list: ['a\n', null],
      deep: { 'ü=1': '\u202e' },
    }
    const entry = decode(journalEntry(JSON.stringify({ ...base, ...fields, msg: 'failed' })))
    assert.equal(entry.PLEXD_STDERR, fields.stderr)
    assert.equal(entry.PLEXD_LIST, '["a\\n",null]')
    assert.equal(entry.PRIORITY, '4')
    assert.equal(
      entry.MESSAGE,
      'failed stderr="one\\ntwo\\u0000\\u001b[2J\\nPRIORITY=0\\n" list=["a\\n",null] deep={"ü=1":"\\u202e"}',
    )
  })

  it('names fields as journald allows, however they are called', () => {
    const names = ['', '_PID', 'a b\n=', 'MESSAGE', 'ä'.repeat(99), '9', '__proto__', 'a.b-c']
    const line = JSON.stringify({
      ...base,
      msg: 'x',
      ...Object.fromEntries(names.map((name) => [name, 'v'])),
    })
    const entry = decode(journalEntry(line))
    for (const name of Object.keys(entry)) assert.match(name, /^[A-Z][A-Z0-9_]{0,63}$/)
    assert.equal(entry.MESSAGE?.startsWith('x '), true)
  })

  it('has a bounded number of fields', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`k${at}`, at]))
    const entry = decode(journalEntry(JSON.stringify({ ...base, ...many, msg: 'x' })))
    assert.ok(Object.keys(entry).length < 200)
  })

  it('is short when it was too long, and says so', () => {
    const line = JSON.stringify({ ...base, blob: 'x'.repeat(1e6), msg: 'm'.repeat(1e6) })
    const entry = journalEntry(shortenedLine(line))
    assert.ok(entry.length < 8_192)
    assert.equal(decode(entry).PLEXD_CUT_BYTES, String(Buffer.byteLength(line)))
  })
})

/** As journald reads it. */
function decode(entry: Buffer): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let at = 0; at < entry.length; ) {
    const end = entry.indexOf('\n', at)
    const head = entry.subarray(at, end).toString()
    const [name = '', ...value] = head.split('=')
    if (value.length > 0) {
      fields[name] = value.join('=')
      at = end + 1
    } else {
      const size = Number(entry.readBigUInt64LE(end + 1))
      fields[name] = entry.subarray(end + 9, end + 9 + size).toString()
      assert.equal(entry[end + 9 + size], 10)
      at = end + 10 + size
    }
  }
  return fields
}
