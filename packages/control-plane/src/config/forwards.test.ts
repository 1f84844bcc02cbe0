import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseConfig } from '@plexd/runtime'
import { readForwards } from './forwards.ts'

const loki = { name: 'loki', kind: 'loki', url: 'http://loki:3100/loki/api/v1/push' }

describe('readForwards', () => {
  it('reads what is set, and takes all kinds of records that a target takes', () => {
    assert.deepEqual(readForwards(undefined), [])
    assert.deepEqual(
      readForwards([{ ...loki, header_files: { 'X-Scope-OrgID': '/etc/org' }, selector: '*' }]),
      [
        {
          ...loki,
          headerFiles: { 'x-scope-orgid': '/etc/org' },
          caFile: undefined,
          tenant: undefined,
          records: ['logs', 'audit'],
          selector: undefined,
        },
      ],
    )
  })

  it('reads what the guide has', async () => {
    const guide = join(import.meta.dirname, '../../../../docs/guides/forwarding.md')
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(await readFile(guide, 'utf8')) ?? []
    const { forwards } = await parseConfig(yaml, 'the guide')
    assert.deepEqual(
      readForwards(forwards).map(({ kind }) => kind),
      ['otlp', 'loki', 'remote-write'],
    )
  })

  it('says what is wrong, and nothing of what may be secret', () => {
    for (const [given, why] of [
      [{}, '"forwards" wants a list of mappings'],
      [['x'], 'forwards.0: want a mapping'],
      [[{ ...loki, uri: '' }], 'forwards.0: there is no "uri": did you mean "url"?'],
      [
        [{ ...loki, name: 'A' }],
        'forwards.0: name "A": want 1 to 63 of a-z, 0-9, ".", "_" and "-"',
      ],
      [
        [{ ...loki, kind: 'syslog' }],
        'forward "loki": kind "syslog": want otlp, loki, remote-write',
      ],
      [
        [{ ...loki, url: 'loki' }],
        'forward "loki": url "loki": want http:// or https:// and a host',
      ],
      [
        [{ ...loki, url: 'http://u:secret@loki' }],
        'forward "loki": url: it holds credentials: put them into a file, and that into header_files',
      ],
      [
        [{ ...loki, header_files: { authorization: 'Bearer secret' } }],
        'forward "loki": header_files: "authorization" wants the absolute path of a file with its value',
      ],
      [
        [{ ...loki, header_files: { Host: '/etc/host' } }],
        'forward "loki": header_files: "Host" is no header that can be set',
      ],
      [
        [{ ...loki, kinds: ['metrics'] }],
        'forward "loki": kinds: "metrics": loki takes logs, audit',
      ],
      [[loki, loki], 'forwards: the name "loki" is there twice'],
    ] as const)
      assert.throws(() => readForwards(given), { message: `read config: ${why}` })
    assert.throws(() => readForwards([{ ...loki, selector: 'a b' }]), /parse selector "a b"/)
  })
})
