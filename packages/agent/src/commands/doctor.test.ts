import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { defaultConfig } from '../config.ts'
import { controlPlaneCheck } from '../doctor/control-plane-check.ts'
import { daemonChecks } from '../doctor/daemon-checks.ts'
import { machineChecks } from '../doctor/machine-checks.ts'
import { startPlace } from '../local-api/testing.ts'
import { examine, formatFindings } from './doctor.ts'

describe('plexd doctor', () => {
  it('names what a machine lacks that was never enrolled, each with a remedy', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const config = {
      ...defaultConfig,
      hostname: 'web-01',
      dataDir,
      socketPath: join(dataDir, 'api.sock'),
      apiUrl: 'https://127.0.0.1:1',
      meshEnabled: false,
    }
    const findings = await examine([...machineChecks, controlPlaneCheck, ...daemonChecks], config)
    await rm(dataDir, { recursive: true })

    const of = (name: string) => findings.find(({ check }) => check === name)
    assert.deepEqual(of('identity'), {
      check: 'identity',
      state: 'failed',
      detail: `"${dataDir}" holds none: this machine is not enrolled`,
      remedy: 'plexd join --api https://HOST:PORT --token-file FILE',
    })
    assert.equal(of('disk')?.state, 'ok')
    assert.equal(of('packet filter')?.detail, 'not needed: the mesh is switched off')
    assert.equal(of('control plane')?.state, 'failed')
    assert.match(of('control plane')?.detail ?? '', /ECONNREFUSED/)
    assert.equal(of('daemon')?.state, 'failed')
    assert.equal(of('public endpoint')?.state, 'warning')
  })

  it('believes the daemon where the settings of the node are for root alone', async () => {
    await using place = await startPlace()
    const { socketPath } = place
    const config = { ...defaultConfig, hostname: 'web-01', socketPath }
    assert.deepEqual(await examine([controlPlaneCheck], config), [
      { check: 'control plane', state: 'ok', detail: 'https://control.example answers the daemon' },
    ])
    const none = { ...config, socketPath: join(place.folder, 'none.sock') }
    assert.equal((await examine([controlPlaneCheck], none))[0]?.detail, 'none is named')
  })

  it('prints a line for each check, and its remedy under it', () => {
    assert.equal(
      formatFindings([
        { check: 'disk', state: 'ok', detail: 'enough' },
        { check: 'daemon', state: 'failed', detail: 'none answers', remedy: 'plexd up' },
      ]),
      `ok      disk:            enough
FAILED  daemon:          none answers
        -> plexd up
`,
    )
  })
})
