import assert from 'node:assert/strict'
import { hostname, networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { startControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

describe('the mesh range', () => {
  it('is that of the first start; another one stops a later start', async () => {
    await using folder = await makeTemporaryFolder()
    const start = (meshCidr?: string) =>
      startControlPlane({ dataDir: folder.path, config: meshCidr ? { meshCidr } : {} })
    await (await start('10.7.0.0/24'))[Symbol.asyncDispose]()

    await assert.rejects(start('10.8.0.0/24'), {
      message:
        'start with mesh_cidr "10.8.0.0/24": the mesh of this installation is "10.7.0.0/24": leave the setting out and add the range with "plexctl mesh range add", or start anew with another --data-dir',
    })
    for (const same of ['10.7.0.0/24', undefined]) {
      await using plane = await start(same)
      assert.equal((await plane.enrol('web-01')).mesh_range, '10.7.0.0/24')
      await plane.admin.removeNode({ params: { node: 'web-01' }, query: {} })
    }
  })

  it('is warned of where hosts of the internet have its addresses', async () => {
    const warnings: [string, unknown][] = []
    const log = {
      ...silentLog,
      warn: (message: string, fields?: object) => void warnings.push([message, fields]),
    }
    await using _ = await startControlPlane({ log, config: { meshCidr: '52.0.0.0/16' } })
    assert.match(warnings[0]?.[0] ?? '', /^mesh range has public addresses/)
    assert.deepEqual(warnings[0]?.[1], { mesh_cidr: '52.0.0.0/16' })
  })
})

describe('where nodes are told that the control plane is', () => {
  it('is a name of its certificate where all addresses are listened on', async () => {
    const urlFor = async (
      host: string,
      config: { tlsNames?: string[]; publicUrl?: string } = {},
    ) => {
      await using plane = await startControlPlane({
        config: { listen: { host, port: 0 }, ...config },
      })
      return plane.app.publicUrl().replace(/:\d+$/, '')
    }
    const host = '0.0.0.0'
    assert.equal(await urlFor(host, { tlsNames: ['cp.example.com'] }), 'http://cp.example.com')
    const own = Object.values(networkInterfaces()).flatMap((list = []) => list)
    const reachable = own.filter(({ internal }) => !internal).map(({ address }) => address)
    const { hostname: shown } = new URL(await urlFor(host))
    assert.ok([hostname(), ...reachable].includes(shown.replace(/^\[|\]$/g, '')), shown)
    assert.equal(await urlFor('127.0.0.1', { tlsNames: ['x'] }), 'http://127.0.0.1')
    assert.equal(await urlFor(host, { publicUrl: 'https://cp' }), 'https://cp')
  })
})
