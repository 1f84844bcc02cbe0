import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { type MeshSystem, startMeshSystem } from '../../scripts/programs/mesh-system.ts'

const noProxy = spawnSync('haproxy', ['-v']).error && 'HAProxy is not installed'

/** It passes on TCP, and no STUN. */
describe('a mesh whose control plane is behind a balancer', {
  skip: labSkip('turnserver') || noProxy,
}, () => {
  const opened = new AsyncDisposableStack()
  let lab: Lab
  let system: MeshSystem
  let url: string
  let stun: string
  before(async () => {
    lab = opened.use(await createLab())
    const balancer = await lab.host('balancer')
    stun = (await lab.stunServer()).addresses[0]
    const args = [
      ...['--proxy-protocol-from', balancer.address, '--tls-san', balancer.address],
      ...['--stun-public', stun, '--limit', 'wrong_tokens=3'],
    ]
    system = opened.use(await startMeshSystem(lab, args))
    url = `https://${balancer.address}:8443`
    const file = join(lab.folder, 'haproxy.cfg')
    await writeFile(file, configFor(balancer.address, system.host.address))
    balancer.spawn(['haproxy', '-db', '-f', file])
  })
  after(() => opened.disposeAsync())

  it('has its nodes ask the STUN servers that it names, and sees each of them where it is', async () => {
    const router = await lab.router('router', 'port_restricted')
    const office = await system.join('office', await lab.host('office', { behind: router }), {
      url,
    })
    await until('its endpoint is known', async () => {
      const { body } = await system.admin.getNode({ params: { node: 'office' } })
      return body.endpoint === `${router.address}:51820`
    })
    assert.match(await office.plexd('netcheck'), new RegExp(`, as ${stun}:3478 saw it\n`))

    const wrong = ['--fail', '--insecure', '--header', 'Authorization: Bearer wrong']
    const ask = () => office.host.exec(['curl', ...wrong, `${url}/admin/v1/whoami`])
    for (let count = 0; count < 4; count++) await assert.rejects(ask)
    const log = join(lab.folder, 'system/control-plane.log')
    await until('the log names it', async () =>
      (await readFile(log, 'utf8')).includes(`"source":"${router.address}"`),
    )
  })
})

const configFor = (from: string, to: string): string => `defaults
  mode tcp
  timeout connect 5s
  timeout client 120s
  timeout server 120s
frontend plexd
  bind ${from}:8443
  default_backend plexd
backend plexd
  server control ${to}:8443 send-proxy-v2
`
