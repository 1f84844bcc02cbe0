import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { metrics, openTelemetryMetric, prometheusMetric } from '@plexd/protocol'
import { uncompress } from 'snappyjs'
import { judgeAnswer } from './answer.ts'
import { nanosecondsOf, type Outgoing } from './outgoing.ts'
import { createDivideByOrder } from './parts.ts'
import { encoderOf, protocols } from './protocols.ts'

const startMs = Date.UTC(2025, 0, 15, 10, 30)
const sent = (record: object, node = 'web'): Outgoing<unknown> => ({
  origin: { node_id: `n_${node}`, hostname: node, tenant: 'default' },
  received_at: startMs + 1_000,
  record,
  bytes: 100,
})
const point = (group: string, data: object, more: { seconds?: number; peer_id?: string } = {}) => {
  const { seconds = 0, ...rest } = more
  return { timestamp: new Date(startMs + seconds * 1_000).toISOString(), group, data, ...rest }
}
const nameOf = (id: string) => (id === 'n_db' ? 'db' : undefined)

/** The series of a WriteRequest: `name{label=value,...} value@seconds`. */
function seriesIn(body: string | Uint8Array): string[] {
  const found: string[] = []
  const request = new BinaryReader(uncompress(Buffer.from(body)))
  while (request.pos < request.len) {
    assert.deepEqual(request.tag(), [1, WireType.LengthDelimited])
    const series = new BinaryReader(request.bytes())
    const labels: [string, string][] = []
    const samples: string[] = []
    while (series.pos < series.len) {
      const [field] = series.tag()
      const part = new BinaryReader(series.bytes())
      part.tag()
      if (field === 1) {
        const name = part.string()
        part.tag()
        labels.push([name, part.string()])
      } else {
        const value = part.double()
        part.tag()
        samples.push(`${value}@${(Number(part.int64()) - startMs) / 1_000}`)
      }
    }
    const names = labels.map(([name]) => name)
    assert.deepEqual(names, names.toSorted())
    const { __name__: name, ...rest } = Object.fromEntries(labels)
    const shown = Object.entries(rest).map(([label, value]) => `${label}=${value}`)
    found.push(`${name}{${shown}} ${samples}`)
  }
  return found
}

describe('remote write', () => {
  it('has the names, labels and base units of Prometheus, each series once and in order', () => {
    const request = encoderOf('remote-write', 'metrics')(
      [
        sent(point('node_resources', { cpu_percent: 50 }, { seconds: 15 })),
        sent(point('node_resources', { cpu_percent: 25, note: 'text' })),
        sent(point('peer_latency', { rtt_ms: 5 }, { peer_id: 'n_db' })),
        sent(point('shop', { 'orders.total': 3 })),
        sent(point('scrape.127.0.0.1:9100', { 'up{job="x",path="a\\"b"}': 1 })),
        sent(point('plexd', {})),
      ],
      nameOf,
    )
    const own = 'instance=web,job=plexd,node=web,node_id=n_web'
    assert.equal(request?.count, 5)
    assert.deepEqual(seriesIn(request.body), [
      `plexd_node_cpu_ratio{${own},tenant=default} 0.25@0,0.5@15`,
      `plexd_peer_rtt_seconds{${own},peer=db,peer_id=n_db,tenant=default} 0.005@0`,
      `shop_orders_total{${own},tenant=default} 3@0`,
      `up{${own},path=a"b,program=127.0.0.1:9100,tenant=default} 1@0`,
    ])
  })

  it('sends what may be late apart, a node at a time', () => {
    const divide = createDivideByOrder()
    const at = (node: string, seconds: number, received = seconds) => ({
      ...sent(point('g', { x: seconds }, { seconds }), node),
      received_at: startMs + received * 1_000,
    })
    const parts = (...records: Outgoing<unknown>[]) =>
      divide(records).map((part) =>
        part.map(
          ({ origin, record }) =>
            `${origin.hostname}${JSON.stringify((record as { data: { x: number } }).data.x)}`,
        ),
      )
    assert.deepEqual(parts(at('a', 0), at('b', 0), at('a', 15)), [['a0', 'a15'], ['b0']])
    assert.deepEqual(parts(at('a', 30), at('b', 30)), [['a30', 'b30']])
    assert.deepEqual(parts(at('a', 45), at('b', 15), at('b', 45)), [['a45'], ['b15', 'b45']])
    const wrongClock = at('a', 9_000, 60)
    assert.deepEqual(parts(wrongClock, at('b', 60)), [['b60'], ['a9000']])
    assert.deepEqual(parts(at('a', 75), at('b', 75)), [['a75', 'b75']])
    assert.deepEqual(parts(at('a', 9_000), at('b', 90)), [['a9000'], ['b90']])
  })
})

describe('OTLP', () => {
  const parsed = (kind: 'metrics' | 'logs' | 'audit', ...records: object[]) => {
    const request = encoderOf('otlp', kind)(
      records.map((record) => sent(record)),
      nameOf,
    )
    return { ...request, body: JSON.parse(String(request?.body)) }
  }

  it('has a resource for each node, and counters as sums', () => {
    const { path, count, body } = parsed(
      'metrics',
      point('node_resources', { cpu_percent: 25, network_rx_bytes: 7 }),
    )
    assert.deepEqual([path, count], ['/v1/metrics', 2])
    const [{ resource, scopeMetrics }] = body.resourceMetrics
    assert.deepEqual(
      resource.attributes.map(({ key, value }: { key: string; value: { stringValue: string } }) => [
        key,
        value.stringValue,
      ]),
      [
        ['service.name', 'plexd'],
        ['service.instance.id', 'n_web'],
        ['host.name', 'web'],
        ['host.id', 'n_web'],
        ['plexd.tenant', 'default'],
      ],
    )
    const [cpu, received] = scopeMetrics[0].metrics
    assert.deepEqual(
      [cpu.name, cpu.unit, cpu.gauge.dataPoints[0]],
      [
        'plexd.node.cpu',
        '1',
        { timeUnixNano: '1736937000000000000', asDouble: 0.25, attributes: [] },
      ],
    )
    assert.deepEqual(
      [received.name, received.unit, received.sum.isMonotonic],
      ['plexd.node.network_rx', 'By', true],
    )
  })

  it('names metrics so that those of Prometheus become of them', () => {
    const units: Record<string, string> = {
      '1': '_ratio',
      By: '_bytes',
      s: '_seconds',
      '{count}': '',
    }
    for (const metric of metrics) {
      const { name, unit, scale } = openTelemetryMetric(metric)
      const translated = `${name.replaceAll('.', '_')}${units[unit]}${metric.type === 'counter' ? '_total' : ''}`
      assert.deepEqual({ name: translated, scale }, prometheusMetric(metric))
    }
  })

  it('has logs by unit with their severity, and audit records as logs', () => {
    const timestamp = '2025-01-15T10:30:00.5Z'
    const { path, body } = parsed('logs', {
      timestamp,
      unit: 'nginx.service',
      message: 'm',
      severity: 'warn',
    })
    assert.equal(path, '/v1/logs')
    const [{ resource, scopeLogs }] = body.resourceLogs
    assert.deepEqual(resource.attributes[0], {
      key: 'service.name',
      value: { stringValue: 'nginx.service' },
    })
    const [log] = scopeLogs[0].logRecords
    assert.deepEqual(
      [log.timeUnixNano, log.severityNumber, log.body.stringValue],
      ['1736937000500000000', 13, 'm'],
    )
    const fields = { peer: 'n_db', n: 3, share: 0.5, up: true, none: null, list: [{ a: 1 }] }
    const line = { timestamp, message: 'm', fields }
    const [ofFields] = parsed('logs', line).body.resourceLogs[0].scopeLogs[0].logRecords
    assert.deepEqual(ofFields.attributes, [
      { key: 'peer', value: { stringValue: 'n_db' } },
      { key: 'n', value: { intValue: '3' } },
      { key: 'share', value: { doubleValue: 0.5 } },
      { key: 'up', value: { boolValue: true } },
      { key: 'none', value: {} },
      {
        key: 'list',
        value: {
          arrayValue: {
            values: [{ kvlistValue: { values: [{ key: 'a', value: { intValue: '1' } }] } }],
          },
        },
      },
    ])
    const audit = {
      timestamp,
      event_type: 'SYSCALL',
      source: 'auditd',
      object: { path: '/etc/shadow' },
    }
    const [record] = parsed('audit', audit).body.resourceLogs[0].scopeLogs[0].logRecords
    assert.equal(record.eventName, 'SYSCALL')
    assert.deepEqual(JSON.parse(record.body.stringValue), audit)
  })
})

describe('judgeAnswer', () => {
  const judge = (kind: 'otlp' | 'loki' | 'remote-write', status: number, headers = {}, body = '') =>
    judgeAnswer(protocols[kind].answers, { status, headers, body })

  it('sends again what each protocol says, and nothing else', () => {
    const later = (kind: 'otlp' | 'loki' | 'remote-write') =>
      [301, 400, 401, 404, 408, 422, 429, 500, 501, 502, 503, 504].filter(
        (status) => judge(kind, status).type === 'later',
      )
    assert.deepEqual(later('otlp'), [429, 502, 503, 504])
    assert.deepEqual(later('loki'), [301, 429, 500, 501, 502, 503, 504])
    assert.deepEqual(later('remote-write'), later('loki'))
    for (const kind of ['otlp', 'loki', 'remote-write'] as const)
      assert.equal(judge(kind, 413).type, 'too_large')
  })

  it('waits as long as it is asked to, in seconds or until a time, ten minutes at most', () => {
    const wait = (text: string) => {
      const date = new Date(startMs).toUTCString()
      const verdict = judge('loki', 503, { 'retry-after': text, date })
      return verdict.type === 'later' ? verdict.afterMs : assert.fail()
    }
    assert.equal(wait('7'), 7_000)
    assert.equal(wait(new Date(startMs + 30_000).toUTCString()), 30_000)
    assert.equal(wait('99999'), 600_000)
    assert.equal(wait('soon'), undefined)
  })

  it('counts what a success says was not taken', () => {
    const partial = { partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } }
    assert.deepEqual(judge('otlp', 200, {}, JSON.stringify(partial)), {
      type: 'sent',
      refused: 2,
      why: 'it took all but 2: too old',
    })
    for (const body of ['', '{}', '{"partialSuccess":{}}', 'null', '<html>'])
      assert.deepEqual(judge('otlp', 200, {}, body), { type: 'sent', refused: 0 })
  })
})

it('times of records are as exact as they say, in any zone', () => {
  const at = (timestamp: string) => nanosecondsOf({ timestamp }, 5)
  assert.equal(at('2025-01-15T10:30:00.123456789Z'), 1736937000123456789n)
  assert.equal(at('2025-01-15T12:30:00.1+02:00'), 1736937000100000000n)
  assert.equal(at('2262-04-01T00:00:00Z'), 9222422400000000000n)
  assert.equal(at('never'), 5000000n)
  // OTLP has no sign, Loki no 64th bit: either refuses all that comes with it.
  for (const unknown of ['1969-12-31T23:59:59.25Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])
    assert.equal(at(unknown), 5000000n)
})
