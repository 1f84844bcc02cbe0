import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startControlPlane } from '@plexd/control-plane/testing'
import { missingPrograms } from '../../scripts/laboratory/requirements.ts'
import { freePort } from '../support/free-port.ts'

/** The build of go.opentelemetry.io/collector/cmd/builder with otlpreceiver and debugexporter: no distribution has one. */
const skip = missingPrograms('otelcol')

describe('a real OpenTelemetry Collector', { skip }, () => {
  it('takes metrics, logs and audit records', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-otelcol-'))
    const port = await freePort()
    const pipeline = { receivers: ['otlp'], exporters: ['debug'] }
    const settings = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { debug: { verbosity: 'detailed' } },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { metrics: pipeline, logs: pipeline },
      },
    }
    const path = join(folder.path, 'settings.json')
    await writeFile(path, JSON.stringify(settings))
    const collector = spawn('otelcol', ['--config', path], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    collector.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    const forward = {
      name: 'collector',
      kind: 'otlp',
      url: `http://127.0.0.1:${port}`,
      headerFiles: {},
      caFile: undefined,
      tenant: undefined,
      records: ['metrics', 'logs', 'audit'],
      selector: undefined,
    } as const
    try {
      await using plane = await startControlPlane({ config: { forwards: [forward] } })
      const { node_id } = await plane.enrol('web')
      const source = { tenant_id: plane.app.firstTenantId, node_id }
      const timestamp = new Date().toISOString()
      for (const [kind, record] of [
        ['metrics', { group: 'node_resources', data: { cpu_percent: 25, network_rx_bytes: 7 } }],
        ['logs', { message: 'hello', unit: 'nginx.service', severity: 'error' }],
        ['audit', { event_type: 'SYSCALL', source: 'auditd' }],
      ] as const)
        await plane.app.telemetry.append({
          kind,
          source,
          records: [JSON.stringify({ timestamp, ...record })],
        })
      const wanted = [
        'host.name: Str(web)',
        `host.id: Str(${node_id})`,
        'Name: plexd.node.cpu',
        'IsMonotonic: true',
        'service.name: Str(nginx.service)',
        'SeverityNumber: Error(17)',
        'EventName: SYSCALL',
      ]
      const missing = () => wanted.filter((text) => !said.includes(text))
      for (const endMs = performance.now() + 30_000; missing().length > 0; await delay(200))
        assert.ok(performance.now() < endMs, `it has not said ${missing().join(', ')}`)
      assert.ok(plane.app.forwards.status().every(({ refused }) => refused === 0))
    } finally {
      collector.kill('SIGKILL')
      await once(collector, 'exit')
    }
  })
})
