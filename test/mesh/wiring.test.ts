import assert from 'node:assert/strict'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { pingAll } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { kernelState, untilReaches } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

describe('an agent and the network of its machine', { skip: labSkip('turnserver') }, () => {
  let config: string
  const mesh = openMesh(['db'], {
    async prepare({ lab }) {
      const { addresses } = await lab.stunServer()
      config = `nat_traversal: { stun_servers: ["${addresses.join('", "')}"] }\n`
    },
    join: () => ({ config }),
  })

  it('reports its endpoint to the control plane, and keeps it over a restart without a change', async () => {
    const router = await mesh.lab.router('router', 'port_restricted')
    const web = await mesh.system.join('web', await mesh.lab.host('web', { behind: router }), {
      config,
    })
    await until('its endpoint is known', async () => (await nodeOf('web')).endpoint !== '')
    const { endpoint } = await nodeOf('web')
    assert.equal(endpoint, `${router.address}:51820`)
    const seen = JSON.parse(await mesh.system.plexctl('node', 'show', 'web', '--json'))
    assert.equal(seen.nat_type, 'port_restricted')
    await untilReaches(mesh.db, web)
    await until('keepalive is that of a NAT', async () => / 25$/m.test(await kernelState(web)))
    const [own, ofPeer] = [await kernelState(web), await endpointsOf(mesh.db)]

    await web.agent.end()
    await web.agent.start()
    await until('it has looked again', async () =>
      (await web.host.exec(['nft', 'list', 'tables'])).includes('plexd_stun'),
    )
    await untilReaches(mesh.db, web)

    assert.equal(await kernelState(web), own)
    assert.equal(await endpointsOf(mesh.db), ofPeer)
    assert.equal((await nodeOf('web')).endpoint, endpoint)
  })

  it('waits with the mesh while nft is missing, says what to do, and continues once it is installed', async () => {
    const bin = join(mesh.lab.folder, 'bin')
    await mkdir(bin)
    const install = async (name: string): Promise<void> =>
      copyFile(
        (await mesh.db.host.exec(['sh', '-c', `command -v ${name}`])).trim(),
        join(bin, name),
      )
    for (const name of [
      'setpriv',
      'ip',
      'sh',
      'mount',
      'env',
      'setsid',
      'mkfifo',
      'wg',
      'wireguard-go',
    ])
      await install(name)
    const host = await mesh.lab.host('bare')
    const sbin = join(mesh.lab.folder, 'sbin')
    await mkdir(sbin)
    // An agent also looks where the system keeps its tools: there is nothing.
    const hide = ['sh', '-c', 'mount --bind "$0" /usr/sbin && exec "$@"', sbin]
    const bare = await mesh.system.join(
      'bare',
      { ...host, prefix: [...host.prefix, ...hide] },
      {
        config: `${config}reconcile: { interval: 1s }\n`,
        env: { PATH: bin },
      },
    )

    await until('its status says so', async () =>
      (await bare.plexd('status')).includes('nft is missing; install it with'),
    )
    assert.doesNotMatch(await bare.host.exec(['ip', 'link']), /plexd0/)
    assert.deepEqual(await pingAll(mesh.db.host, [bare.meshIp], 300), [])

    await install('nft')
    await untilReaches(mesh.db, bare, 20_000)
    await until('its status is well', async () =>
      /problems:\s+none/.test(await bare.plexd('status')),
    )
  })

  it('has a mesh without a filter if the config turns it off', async () => {
    const open = await mesh.system.join('open', await mesh.lab.host('open'), {
      config: `${config}policy: { enabled: false }\n`,
    })
    await untilReaches(open, mesh.db)
    assert.doesNotMatch(await open.host.exec(['nft', 'list', 'tables']), /inet plexd\n/)
    await open.plexd('down')
    assert.equal(await open.host.exec(['nft', 'list', 'tables']), '')
  })

  it('is found without a STUN server if its requests come through no NAT', async () => {
    const nobody = 'nat_traversal: { stun_servers: ["198.18.255.254:3478"] }\n'
    const deaf = await mesh.system.join('deaf', await mesh.lab.host('deaf'), { config: nobody })
    await until('its endpoint is known', async () => (await nodeOf('deaf')).endpoint !== '', 30_000)
    assert.equal((await nodeOf('deaf')).endpoint, `${deaf.host.address}:51820`)
    await untilReaches(deaf, mesh.db)
  })

  async function nodeOf(node: string) {
    return (await mesh.system.admin.getNode({ params: { node } })).body
  }
})

async function endpointsOf({ host }: MeshMember): Promise<string> {
  return host.exec(['wg', 'show', 'plexd0', 'endpoints'])
}
