import assert from 'node:assert/strict'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createLab, type Lab } from '../../scripts/laboratory/lab.ts'
import { pingAll } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'
import { until } from '../support/until.ts'
import { kernelState, untilReaches } from './support/members.ts'

describe('an agent and the network of its machine', { skip: labSkip('turnserver') }, () => {
  let lab: Lab
  let system: MeshSystem
  let db: MeshMember
  let config: string
  before(async () => {
    lab = await createLab()
    const { addresses } = await lab.stunServer()
    config = `nat_traversal: { stun_servers: ["${addresses.join('", "')}"] }\n`
    system = await startMeshSystem(lab)
    db = await system.join('db', await lab.host('db'), { config })
  })
  after(async () => {
    await system[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  it('tells the control plane where it is, and keeps it over a restart without a change', async () => {
    const router = await lab.router('router', 'port_restricted')
    const web = await system.join('web', await lab.host('web', { behind: router }), { config })
    await until('its endpoint is known', async () => (await nodeOf('web')).endpoint !== '')
    const { endpoint } = await nodeOf('web')
    assert.equal(endpoint, `${router.address}:51820`)
    const seen = JSON.parse(await system.plexctl('node', 'show', 'web', '--json'))
    assert.equal(seen.nat_type, 'port_restricted')
    await untilReaches(db, web)
    await until('keepalive is that of a NAT', async () => / 25$/m.test(await kernelState(web)))
    const [own, ofPeer] = [await kernelState(web), await endpointsOf(db)]

    await web.agent.end()
    await web.agent.start()
    await until('it has looked again', async () =>
      (await web.host.exec(['nft', 'list', 'tables'])).includes('plexd_stun'),
    )
    await untilReaches(db, web)

    assert.equal(await kernelState(web), own)
    assert.equal(await endpointsOf(db), ofPeer)
    assert.equal((await nodeOf('web')).endpoint, endpoint)
  })

  it('lets the mesh wait while there is no nft, says what to do, and goes on when there is', async () => {
    const bin = join(lab.folder, 'bin')
    await mkdir(bin)
    const install = async (name: string): Promise<void> =>
      copyFile((await db.host.exec(['sh', '-c', `command -v ${name}`])).trim(), join(bin, name))
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
    const host = await lab.host('bare')
    const sbin = join(lab.folder, 'sbin')
    await mkdir(sbin)
    // An agent also looks where the system keeps its tools: there is nothing.
    const hide = ['sh', '-c', 'mount --bind "$0" /usr/sbin && exec "$@"', sbin]
    const bare = await system.join(
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
    assert.deepEqual(await pingAll(db.host, [bare.meshIp], 300), [])

    await install('nft')
    await untilReaches(db, bare, 20_000)
    await until('its status is well', async () =>
      /problems:\s+none/.test(await bare.plexd('status')),
    )
  })

  it('has a mesh without a filter where the config wants none', async () => {
    const open = await system.join('open', await lab.host('open'), {
      config: `${config}policy: { enabled: false }\n`,
    })
    await untilReaches(open, db)
    assert.doesNotMatch(await open.host.exec(['nft', 'list', 'tables']), /inet plexd\n/)
    await open.plexd('down')
    assert.equal(await open.host.exec(['nft', 'list', 'tables']), '')
  })

  it('is found where no STUN server answers it, as its requests come from no NAT', async () => {
    const nobody = 'nat_traversal: { stun_servers: ["198.18.255.254:3478"] }\n'
    const deaf = await system.join('deaf', await lab.host('deaf'), { config: nobody })
    await until('its endpoint is known', async () => (await nodeOf('deaf')).endpoint !== '', 30_000)
    assert.equal((await nodeOf('deaf')).endpoint, `${deaf.host.address}:51820`)
    await untilReaches(deaf, db)
  })

  async function nodeOf(node: string) {
    return (await system.admin.getNode({ params: { node } })).body
  }
})

async function endpointsOf({ host }: MeshMember): Promise<string> {
  return host.exec(['wg', 'show', 'plexd0', 'endpoints'])
}
