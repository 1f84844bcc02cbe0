import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redact } from '@plexd/runtime'
import fc from 'fast-check'
import {
  avc,
  denied,
  executed,
  filtered,
  loggedIn,
  notUtf8,
  opened,
  renamed,
} from '../testing/samples.ts'
import { type AuditEvent, createAssembler } from './assembler.ts'
import { fieldsOf, parseLine } from './audit-line.ts'
import { readEvent } from './audit-record.ts'

const rules = { hostname: 'web-01', redact }

function eventsOf(lines: readonly string[]): AuditEvent[] {
  const assembler = createAssembler()
  const added = lines.flatMap((line) => {
    const parsed = parseLine(line)
    return parsed ? assembler.add(parsed, 0) : []
  })
  return [...added, ...assembler.expire(60_000)]
}

function recordOf(lines: readonly string[]) {
  const [event, ...others] = eventsOf(lines)
  assert.ok(event)
  assert.equal(others.length, 0)
  return readEvent(event).toRecord(rules)
}

describe('the record of an event', () => {
  it('has who opened what, with the name decoded', () => {
    const { raw, ...record } = recordOf(opened)
    assert.deepEqual(record, {
      timestamp: '2026-11-27T01:30:13.624Z',
      source: 'auditd',
      event_type: 'SYSCALL',
      subject: {
        uid: 0,
        gid: 0,
        euid: 0,
        pid: 25_360,
        ppid: 25_359,
        comm: 'cat',
        exe: '/usr/bin/cat',
      },
      object: { path: '/srv/books/secret file', keys: ['plexd'] },
      action: 'open',
      result: 'success',
      hostname: 'web-01',
    })
    assert.match(raw ?? '', /^type=SYSCALL msg=audit\(1795743013\.624:2\): arch=.*\ntype=CWD /)
    assert.match(raw ?? '', /proctitle="cat \/srv\/books\/secret file"$/)
  })

  it('says denied for what was not permitted', () => {
    const { action, result, subject } = recordOf(denied)
    assert.deepEqual([action, result], ['open', 'denied'])
    assert.equal((subject as { uid: number }).uid, 65_534) // as it was made
    assert.equal(recordOf([avc]).result, 'denied')
  })

  it('has both names of a file that is renamed', () => {
    const { action, object } = recordOf(renamed)
    assert.equal(action, 'rename')
    const paths = ['/srv/books/secret file', '/srv/books/two']
    assert.deepEqual(object, { path: paths[0], paths, keys: ['plexd'] })
  })

  it('has the arguments of a command, and no secret in them', () => {
    const { object, raw } = recordOf(executed)
    assert.deepEqual(object, {
      ...{ path: '/srv/books/t', args: './t a b c=d password=[redacted]', keys: ['plexd'] },
    })
    assert.doesNotMatch(raw ?? '', /hunter22|68756E7465723232/)
  })

  it('has what a program says, which cannot take the place of what the kernel says', () => {
    const { subject, object, action, result } = recordOf(loggedIn)
    assert.deepEqual([action, result], ['login', 'success'])
    assert.deepEqual(subject, {
      ...{ uid: 0, auid: 1000, pid: 812, ses: 3, exe: '/usr/sbin/sshd', subj: 'unconfined' },
    })
    assert.deepEqual(object, { account: 'admin', address: '192.0.2.7', terminal: '/dev/pts/0' })
    const forged = `type=USER_AUTH msg=audit(1795743020.001:13): pid=812 uid=1000 msg='op=x uid=0 pid=1 res=success'`
    assert.deepEqual(recordOf([forged]).subject, { uid: 1000, pid: 812 })
  })

  it('has what changed, and the system call by which it did', () => {
    const { event_type, action, object } = recordOf(filtered)
    assert.equal(event_type, 'NETFILTER_CFG')
    assert.equal(action, 'nft_register_table')
    assert.deepEqual(object, { table: 'probe:2' })
  })

  it('is UTF-8, whatever a file is called', () => {
    assert.equal((recordOf(notUtf8).object as { path: string }).path, '/srv/books/\ufffd\ufffd')
  })

  it('tells the address of a connection', () => {
    const at = 'type=SOCKADDR msg=audit(1795743013.624:2): saddr='
    const addressOf = (hex: string) =>
      (recordOf([`${at}${hex}`]).object as { address?: string }).address
    assert.equal(addressOf('020001BBC00002070000000000000000'), '192.0.2.7:443')
    assert.equal(
      addressOf('0A00005000000000FD000000000000000000000000000001000000'),
      '[fd00::1]:80',
    )
    assert.equal(addressOf('01002F72756E2F6C6F6700'), '/run/log')
    assert.equal(addressOf('0200'), undefined)
  })

  it('is bounded, however many arguments a command has', () => {
    const at = 'audit(1795743013.676:6): '
    const parts = Array.from({ length: 500 }, (_, part) => `a1[${part}]=${'78'.repeat(4_000)}`)
    const lines = [
      `type=SYSCALL msg=${at}syscall=59 arch=c000003e success=yes exit=0`,
      ...parts.map((part) => `type=EXECVE msg=${at}${part}`),
      `type=PROCTITLE msg=${at}proctitle=78`,
    ]
    const record = recordOf(lines)
    assert.ok(Buffer.byteLength(JSON.stringify(record)) < 16 * 1024)
    assert.match(record.raw ?? '', /\[truncated\]$/)
    assert.equal(record.action, 'execve')
  })
})

describe('what decides whether an event is sent', () => {
  it('is who did it, and the keys of its rules', () => {
    const [event] = eventsOf(opened)
    assert.ok(event)
    const types = ['SYSCALL', 'CWD', 'PATH', 'PROCTITLE']
    const program = '/usr/bin/cat'
    assert.deepEqual(readEvent(event).facts, {
      ...{ types, keys: ['plexd'], pid: 25_360, parentPid: 25_359, program },
    })
    const [two] = eventsOf([
      'type=SYSCALL msg=audit(1795743013.624:2): pid=1 key=6964656E7469747901706C657864',
    ])
    assert.deepEqual(two && readEvent(two).facts.keys, ['identity', 'plexd'])
  })
})

describe('a line', () => {
  it('is read with the name of the node before it, and none is anything else', () => {
    assert.equal(parseLine(`node=web-01 ${opened[0]}`)?.serial, 2)
    for (const line of [
      '',
      'hello',
      'type=SYSCALL',
      'type=SYSCALL msg=audit(1.2:3): a=b',
      'type=SYSCALL msg=audit(99999999999.000:3): a=b',
      'type=SYSCALL msg=audit(1795743013.624:-2): a=b',
      'type= msg=audit(1795743013.624:2): a=b',
    ])
      assert.equal(parseLine(line), undefined, line)
  })

  it('of any bytes becomes a record that is bounded and JSON, or none', () => {
    const token = fc.oneof(
      fc.constantFrom(
        'pid=',
        'name=',
        'a0=',
        'a0[1]=',
        "msg='",
        '"',
        "'",
        '=',
        ' ',
        '\0',
        '\x1d',
        ',',
      ),
      fc.constantFrom('key="plexd"', 'saddr=02', 'syscall=-1', 'arch=x', 'FFFE', 'nametype=PARENT'),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    const type = fc.constantFrom(
      'SYSCALL',
      'PATH',
      'EXECVE',
      'SOCKADDR',
      'CWD',
      'UNKNOWN[9]',
      'AVC',
    )
    const line = fc
      .tuple(type, fc.array(token, { maxLength: 40 }))
      .map(([name, tokens]) => `type=${name} msg=audit(1795743013.624:2): ${tokens.join('')}`)
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
        const text = JSON.stringify(recordOf(lines))
        assert.ok(Buffer.byteLength(text) < 64 * 1024)
        assert.ok(!text.includes('\\u0000'))
      }),
      { numRuns: 40 },
    )
  })

  it('takes time in proportion to its length, whatever it is of', () => {
    for (const part of ['a', '=', 'a=', 'a="', 'a=,', '[1', "msg='", 'a[1]=']) {
      const startMs = performance.now()
      const line = parseLine(`type=PATH msg=audit(1795743013.624:2): ${part.repeat(16_000)}`)
      assert.ok(line)
      fieldsOf(line)
      assert.ok(performance.now() - startMs < 500, part)
    }
  })
})
