import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createLab, type Host, type Lab } from '../../scripts/laboratory/lab.ts'
import { kill, killIn, programsIn } from '../../scripts/laboratory/namespace.ts'
import { untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'
import { commandOf } from '../../scripts/programs/program.ts'
import { until } from '../support/until.ts'
import { joinAll } from './support/members.ts'

/** Listens for ever where wireguard-go would. */
const squatter = `
  const { createServer } = require('node:net')
  const { mkdirSync, rmSync } = require('node:fs')
  const path = '/run/wireguard/plexd0.sock'
  mkdirSync('/run/wireguard', { recursive: true })
  rmSync(path, { force: true })
  createServer((socket) => socket.on('error', () => {})).listen(process.argv[1] ?? path)`

const portHolder = `require('node:dgram').createSocket('udp4').bind(51820)`
/** As /proc/net/udp has it. */
const wireguardPort = ':CA6C '

function portsOf({ exec }: Pick<Host, 'exec'>): Promise<string> {
  return exec(['cat', '/proc/net/udp'])
}

describe('the interface', { skip: labSkip() }, () => {
  let lab: Lab
  let system: MeshSystem
  let web: MeshMember
  let db: MeshMember
  before(async () => {
    lab = await createLab()
    system = await startMeshSystem(lab)
    ;({ web, db } = await joinAll(lab, system, ['web', 'db']))
    await untilPing(web.host, db.meshIp)
  })
  after(async () => {
    await system?.[Symbol.asyncDispose]()
    await lab?.[Symbol.asyncDispose]()
  })

  const rename = () => web.host.exec(['ip', 'link', 'set', 'plexd0', 'name', 'strayed'])
  const stop = () => killIn(web.host, 'wireguard-go', 'SIGSTOP')

  it('gets its name back, without a handshake, and it is reported', async () => {
    const sessions = await web.host.exec(['wg', 'show', 'plexd0', 'latest-handshakes'])
    await rename()
    await until('it has its name', async () => (await links(web.host)).includes('plexd0'))
    await untilPing(web.host, db.meshIp)
    assert.doesNotMatch(await links(web.host), /strayed/)
    assert.equal(await web.host.exec(['wg', 'show', 'plexd0', 'latest-handshakes']), sessions)
    await until('it is reported', async () =>
      (await drift()).includes('interface was renamed to "strayed"'),
    )
  })

  it('is made anew when its process is stopped, and whoever asks for peers is told why', async () => {
    const [before] = await programsIn(web.host, 'wireguard-go')
    await stop()
    const peers = await web.plexd('peers').catch(String)
    assert.doesNotMatch(peers, /internal error/)
    await until('another is there', async () => {
      const now = await programsIn(web.host, 'wireguard-go')
      return now.length === 1 && now[0] !== before
    })
    // Who has a session with the old one is told of the new one, and need not doubt it first.
    await untilPing(db.host, web.meshIp, 6_000)
    await untilPing(web.host, db.meshIp)
    await until('it is reported', async () => (await drift()).includes(`process ${before}, was`))
  })

  it('is made anew when somebody has moved it to another network, and its process goes', async () => {
    const [before] = await programsIn(web.host, 'wireguard-go')
    await web.host.ip([`link set plexd0 netns ${lab.internet.name}`])
    await until('another is there', async () => {
      const now = await programsIn(web.host, 'wireguard-go')
      return now.length === 1 && now[0] !== before
    })
    await untilPing(web.host, db.meshIp)
    assert.doesNotMatch(await links(lab.internet), /plexd0/)
  })

  for (const [what, change, finding] of [
    ['was renamed', rename, /FAILED +interface: +plexd0 was renamed to strayed/],
    ['was stopped', stop, /FAILED +interface: +wireguard-go, process \d+, is stopped/],
    [
      'left its socket to somebody else',
      async () => {
        await killIn(web.host, 'wireguard-go')
        web.host.spawn([process.execPath, '-e', squatter])
        await until('it listens', async () =>
          (await web.host.exec(['cat', '/proc/net/unix'])).includes('/run/wireguard/plexd0.sock'),
        )
      },
      /FAILED +interface: +process \d+ \(.*\) listens on/,
    ],
  ] as const)
    it(`${what} while the daemon was dead: doctor says so, and the next one mends it`, async () => {
      await web.agent.end('SIGKILL')
      await change()
      assert.match(await doctor(), finding)
      await web.agent.start()
      await untilPing(web.host, db.meshIp)
      await until('doctor is content', async () => /ok +interface: +plexd0/.test(await doctor()))
      assert.doesNotMatch(await links(web.host), /strayed/)
    })

  for (const [what, change] of [
    ['is gone', () => web.host.ip(['link delete plexd0'])],
    ['was renamed', rename],
  ] as const)
    it(`${what}, and stays so while somebody else's has its name, which is left alone`, async () => {
      await web.agent.end('SIGKILL')
      await change()
      await web.host.ip(['link add plexd0 type veth peer name plexd1'])
      const remedy = /"?ip link delete plexd0"?, or name another interface as "mesh.interface"/
      const said = await doctor()
      assert.match(said, /FAILED +interface: +plexd0 is not ours: it was of kind veth/)
      assert.match(said, remedy)
      await web.agent.start()
      await until('it is said', async () => {
        const status = await web.plexd('status')
        return /"plexd0" is of kind veth, and not of plexd/.test(status) && remedy.test(status)
      })
      assert.match(await links(web.host), /plexd0@plexd1/)
      await web.host.ip(['link delete plexd0'])
      await untilPing(web.host, db.meshIp)
      assert.doesNotMatch(await links(web.host), /strayed/)
    })

  it('is told of when its process is killed again and again', async () => {
    for (let times = 0; times < 5; times++) {
      await killIn(web.host, 'wireguard-go')
      await until('another is there', async () => (await links(web.host)).includes('plexd0'))
      await untilPing(web.host, db.meshIp)
    }
    await until('it is said', async () =>
      /"plexd0" was put right \d times in the last minute/.test(await web.plexd('status')),
    )
  })

  it('is made where another interface answers to its name beside its own, and that keeps all but the name', async () => {
    await web.agent.end('SIGKILL')
    await web.host.ip([
      'link delete plexd0',
      'link add lan0 type veth peer name lan1',
      'link property add dev lan0 altname plexd0',
    ])
    assert.match(
      await doctor(),
      /FAILED +interface: +plexd0 is not ours: it was another name of lan0/,
    )
    await web.agent.start()
    await untilPing(web.host, db.meshIp)
    assert.match(await links(web.host), / lan0@lan1/)
    await web.host.ip(['link delete lan0'])
  })

  it('is not there while another program has its port, which is named with what to do', async () => {
    await web.agent.end()
    await web.host.ip(['link delete plexd0'])
    const other = web.host.spawn([process.execPath, '-e', portHolder])
    await until('it has the port', async () => (await portsOf(web.host)).includes(wireguardPort))
    await web.agent.start()
    await until('it is said', async () =>
      /listen on UDP port 51820: another program has it/.test(await web.plexd('status')),
    )
    await kill(other)
    await untilPing(web.host, db.meshIp, 30_000)
  })

  it('is renamed, stopped and without a daemon, and plexd down leaves nothing', async () => {
    await web.agent.end('SIGKILL')
    await rename()
    await stop()
    assert.match(await web.plexd('down'), /no daemon answered\ninterface plexd0 removed\n/)
    assert.doesNotMatch(await links(web.host), /plexd0|strayed/)
    assert.deepEqual(await programsIn(web.host, 'wireguard-go'), [])
    assert.equal(
      await web.host.exec(['sh', '-c', 'cd /run && ls -A wireguard && echo plexd*']),
      'plexd*\n',
    )
    assert.equal(await web.host.exec(['nft', 'list', 'tables']), '')
    assert.doesNotMatch(await web.host.exec(['ip', 'rule']), /8293/)
    assert.doesNotMatch(await web.host.exec(['ip', 'route', 'show', 'table', 'all']), /10\.100/)
    await web.agent.start()
    await untilPing(web.host, db.meshIp)
  })

  it('goes with plexd down, and what has its name by now does not', async () => {
    await web.agent.end('SIGKILL')
    await rename()
    await web.host.ip(['link add plexd0 type veth peer name plexd1'])
    assert.match(await web.plexd('down'), /interface plexd0 removed\n/)
    assert.doesNotMatch(await links(web.host), /strayed/)
    assert.match(await links(web.host), /plexd0@plexd1/)
    assert.deepEqual(await programsIn(web.host, 'wireguard-go'), [])
    await web.host.ip(['link delete plexd0'])
  })

  it('is not there while a process of another network has its socket, and that is said', async () => {
    const squat = lab.internet.spawn([
      ...['nsenter', `--mount=/proc/${(await sleepIn(web.host)).pid}/ns/mnt`, process.execPath],
      ...['-e', squatter, '/run/wireguard/plexd0.sock'],
    ])
    await until('it listens', async () =>
      (await lab.internet.exec(['cat', '/proc/net/unix'])).includes('/run/wireguard/plexd0.sock'),
    )
    await web.agent.start()
    const sentence = /a process of another network namespace (has the socket|listens on)/
    await until('it is said', async () => sentence.test(await web.plexd('status')))
    assert.match(await doctor(), sentence)
    assert.equal(squat.exitCode, null)
    squat.kill('SIGKILL')
    await untilPing(web.host, db.meshIp)
  })

  it('goes with its daemon where that has process ids of its own, and nobody else does', async () => {
    await web.agent.end()
    // The daemon is process 2 there, and so is a sleeper where it is told to go.
    await web.agent.start([...ownIds, 'sh', '-c', '"$0" "$@" & wait'])
    const pid = JSON.parse(await web.plexd('status', '--json')).pid
    const down = commandOf('plexd', ['down', '--socket', web.agent.socket])
    const text = await web.host.exec([
      ...ownIds,
      ...['sh', '-c', 'sleep 1000 & "$0" "$@"; kill -0 $! && echo $! sleeps; kill $!'],
      ...down,
    ])
    assert.equal(text, `plexd stopped\ninterface plexd0 removed\n${pid} sleeps\n`)
  })

  async function doctor(): Promise<string> {
    const inside = ['sh', '-c', '"$0" "$@" || true', ...commandOf('plexd', ['doctor'])] as const
    const flags = ['--data-dir', web.agent.dataDir, '--socket', web.agent.socket]
    const { url, caFile } = system.controlPlane
    return web.host.exec([...inside, ...flags, '--api', url, '--ca-file', caFile], {
      timeoutMs: 60_000,
    })
  }

  async function drift(): Promise<string> {
    const params = { node: web.nodeId, kind: 'drift' } as const
    return JSON.stringify((await system.admin.listTelemetry({ params })).body.items).replaceAll(
      '\\"',
      '"',
    )
  }
})

const ownIds = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] as const

function links({ exec }: Pick<Host, 'exec'>): Promise<string> {
  return exec(['ip', '-oneline', 'link'])
}

/** A process that shows where its host keeps its files. */
async function sleepIn(host: Host): Promise<{ pid: number }> {
  host.spawn(['sleep', '1000'])
  let pid: number | undefined
  await until('it sleeps', async () => {
    ;[pid] = await programsIn(host, 'sleep')
    return pid !== undefined
  })
  return { pid: pid ?? 0 }
}
