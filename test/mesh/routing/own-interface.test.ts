import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { Host } from '../../../scripts/laboratory/lab.ts'
import { kill, killIn, programsIn } from '../../../scripts/laboratory/namespace.ts'
import { untilPing } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { commandOf } from '../../../scripts/programs/program.ts'
import { openMesh } from '../support/mesh.ts'

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

describe('the mesh interface', { skip: labSkip() }, () => {
  const mesh = openMesh(['web', 'db'])
  before(() => untilPing(mesh.web.host, mesh.db.meshIp))

  const rename = () => mesh.web.host.exec(['ip', 'link', 'set', 'plexd0', 'name', 'strayed'])
  const stop = () => killIn(mesh.web.host, 'wireguard-go', 'SIGSTOP')

  it('gets its name back without a new handshake, which is reported', async () => {
    const sessions = await mesh.web.host.exec(['wg', 'show', 'plexd0', 'latest-handshakes'])
    await rename()
    await until('it has its name', async () => (await links(mesh.web.host)).includes('plexd0'))
    await untilPing(mesh.web.host, mesh.db.meshIp)
    assert.doesNotMatch(await links(mesh.web.host), /strayed/)
    assert.equal(await mesh.web.host.exec(['wg', 'show', 'plexd0', 'latest-handshakes']), sessions)
    await until('it is reported', async () =>
      (await drift()).includes('interface was renamed to "strayed"'),
    )
  })

  it('is created again when its process is stopped, and the list of peers says why', async () => {
    const [before] = await programsIn(mesh.web.host, 'wireguard-go')
    await stop()
    const peers = await mesh.web.plexd('peers').catch(String)
    assert.doesNotMatch(peers, /internal error/)
    await until('another is there', async () => {
      const now = await programsIn(mesh.web.host, 'wireguard-go')
      return now.length === 1 && now[0] !== before
    })
    // Who has a session with the old one is told of the new one, and need not doubt it first.
    await untilPing(mesh.db.host, mesh.web.meshIp)
    await untilPing(mesh.web.host, mesh.db.meshIp)
    await until('it is reported', async () => (await drift()).includes(`process ${before}, was`))
  })

  it('is created again when it was moved to another network namespace, and its process ends', async () => {
    const [before] = await programsIn(mesh.web.host, 'wireguard-go')
    await mesh.web.host.ip([`link set plexd0 netns ${mesh.lab.internet.name}`])
    await until('another is there', async () => {
      const now = await programsIn(mesh.web.host, 'wireguard-go')
      return now.length === 1 && now[0] !== before
    })
    await untilPing(mesh.web.host, mesh.db.meshIp)
    assert.doesNotMatch(await links(mesh.lab.internet), /plexd0/)
  })

  for (const [what, change, finding] of [
    ['was renamed', rename, /FAILED +interface: +plexd0 was renamed to strayed/],
    ['was stopped', stop, /FAILED +interface: +wireguard-go, process \d+, is stopped/],
    [
      'left its socket to somebody else',
      async () => {
        await killIn(mesh.web.host, 'wireguard-go')
        mesh.web.host.spawn([process.execPath, '-e', squatter])
        await until('it listens', async () =>
          (await mesh.web.host.exec(['cat', '/proc/net/unix'])).includes(
            '/run/wireguard/plexd0.sock',
          ),
        )
      },
      /FAILED +interface: +process \d+ \(.*\) listens on/,
    ],
  ] as const)
    it(`${what} while the daemon was dead: doctor says so, and the next one mends it`, async () => {
      await mesh.web.agent.end('SIGKILL')
      await change()
      assert.match(await doctor(), finding)
      await mesh.web.agent.start()
      await untilPing(mesh.web.host, mesh.db.meshIp)
      await until('doctor is content', async () => /ok +interface: +plexd0/.test(await doctor()))
      assert.doesNotMatch(await links(mesh.web.host), /strayed/)
    })

  for (const [what, change] of [
    ['is gone', () => mesh.web.host.ip(['link delete plexd0'])],
    ['was renamed', rename],
  ] as const)
    it(`${what}, and stays so while somebody else's has its name, which is left alone`, async () => {
      await mesh.web.agent.end('SIGKILL')
      await change()
      await mesh.web.host.ip(['link add plexd0 type veth peer name plexd1'])
      const remedy = /"?ip link delete plexd0"?, or name another interface as "mesh.interface"/
      const said = await doctor()
      assert.match(said, /FAILED +interface: +plexd0 is not ours: it was of kind veth/)
      assert.match(said, remedy)
      await mesh.web.agent.start()
      await until('it is said', async () => {
        const status = await mesh.web.plexd('status')
        return /"plexd0" is of kind veth, and not of plexd/.test(status) && remedy.test(status)
      })
      assert.match(await links(mesh.web.host), /plexd0@plexd1/)
      await mesh.web.host.ip(['link delete plexd0'])
      await untilPing(mesh.web.host, mesh.db.meshIp)
      assert.doesNotMatch(await links(mesh.web.host), /strayed/)
    })

  it('is reported if its process is killed again and again', async () => {
    for (let times = 0; times < 5; times++) {
      await killIn(mesh.web.host, 'wireguard-go')
      await until('another is there', async () => (await links(mesh.web.host)).includes('plexd0'))
      await untilPing(mesh.web.host, mesh.db.meshIp)
    }
    await until('it is said', async () =>
      /"plexd0" was put right \d times in the last minute/.test(await mesh.web.plexd('status')),
    )
  })

  it('is created even if its name is an alternative name of another interface, which loses only that name', async () => {
    await mesh.web.agent.end('SIGKILL')
    await mesh.web.host.ip([
      'link delete plexd0',
      'link add lan0 type veth peer name lan1',
      'link property add dev lan0 altname plexd0',
    ])
    assert.match(
      await doctor(),
      /FAILED +interface: +plexd0 is not ours: it was another name of lan0/,
    )
    await mesh.web.agent.start()
    await untilPing(mesh.web.host, mesh.db.meshIp)
    assert.match(await links(mesh.web.host), / lan0@lan1/)
    await mesh.web.host.ip(['link delete lan0'])
  })

  it('is absent while another program has its port, which is reported with what to do', async () => {
    await mesh.web.agent.end()
    await mesh.web.host.ip(['link delete plexd0'])
    const other = mesh.web.host.spawn([process.execPath, '-e', portHolder])
    await until('it has the port', async () =>
      (await portsOf(mesh.web.host)).includes(wireguardPort),
    )
    await mesh.web.agent.start()
    await until('it is said', async () =>
      /listen on UDP port 51820: another program has it/.test(await mesh.web.plexd('status')),
    )
    await kill(other)
    await untilPing(mesh.web.host, mesh.db.meshIp, 30_000)
  })

  it('is removed by plexd down even if it was renamed, its process is stopped and no daemon runs', async () => {
    await mesh.web.agent.end('SIGKILL')
    await rename()
    await stop()
    assert.match(await mesh.web.plexd('down'), /no daemon answered\ninterface plexd0 removed\n/)
    assert.doesNotMatch(await links(mesh.web.host), /plexd0|strayed/)
    assert.deepEqual(await programsIn(mesh.web.host, 'wireguard-go'), [])
    assert.equal(
      await mesh.web.host.exec(['sh', '-c', 'cd /run && ls -A wireguard && echo plexd*']),
      'plexd*\n',
    )
    assert.equal(await mesh.web.host.exec(['nft', 'list', 'tables']), '')
    assert.doesNotMatch(await mesh.web.host.exec(['ip', 'rule']), /8293/)
    assert.doesNotMatch(
      await mesh.web.host.exec(['ip', 'route', 'show', 'table', 'all']),
      /10\.100/,
    )
    await mesh.web.agent.start()
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  it('is removed by plexd down, but another interface that now has its name is not', async () => {
    await mesh.web.agent.end('SIGKILL')
    await rename()
    await mesh.web.host.ip(['link add plexd0 type veth peer name plexd1'])
    assert.match(await mesh.web.plexd('down'), /interface plexd0 removed\n/)
    assert.doesNotMatch(await links(mesh.web.host), /strayed/)
    assert.match(await links(mesh.web.host), /plexd0@plexd1/)
    assert.deepEqual(await programsIn(mesh.web.host, 'wireguard-go'), [])
    await mesh.web.host.ip(['link delete plexd0'])
  })

  it('is absent while a process in another network namespace has its socket, which is reported', async () => {
    const squat = mesh.lab.internet.spawn([
      ...[
        'nsenter',
        `--mount=/proc/${(await sleepIn(mesh.web.host)).pid}/ns/mnt`,
        process.execPath,
      ],
      ...['-e', squatter, '/run/wireguard/plexd0.sock'],
    ])
    await until('it listens', async () =>
      (await mesh.lab.internet.exec(['cat', '/proc/net/unix'])).includes(
        '/run/wireguard/plexd0.sock',
      ),
    )
    await mesh.web.agent.start()
    const sentence = /a process of another network namespace (has the socket|listens on)/
    await until('it is said', async () => sentence.test(await mesh.web.plexd('status')))
    assert.match(await doctor(), sentence)
    assert.equal(squat.exitCode, null)
    squat.kill('SIGKILL')
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  it('is removed with a daemon in its own process namespace, and no other process is ended', async () => {
    await mesh.web.agent.end()
    // The daemon is process 2 there, and so is a sleeper where it is told to go.
    await mesh.web.agent.start([...ownIds, 'sh', '-c', '"$0" "$@" & wait'])
    const pid = JSON.parse(await mesh.web.plexd('status', '--json')).pid
    const down = commandOf('plexd', ['down', '--socket', mesh.web.agent.socket])
    const text = await mesh.web.host.exec([
      ...ownIds,
      ...['sh', '-c', 'sleep 1000 & "$0" "$@"; kill -0 $! && echo $! sleeps; kill $!'],
      ...down,
    ])
    assert.equal(text, `plexd stopped\ninterface plexd0 removed\n${pid} sleeps\n`)
  })

  async function doctor(): Promise<string> {
    const inside = ['sh', '-c', '"$0" "$@" || true', ...commandOf('plexd', ['doctor'])] as const
    const flags = ['--data-dir', mesh.web.agent.dataDir, '--socket', mesh.web.agent.socket]
    const { url, caFile } = mesh.system.controlPlane
    return mesh.web.host.exec([...inside, ...flags, '--api', url, '--ca-file', caFile], {
      timeoutMs: 60_000,
    })
  }

  async function drift(): Promise<string> {
    const params = { node: mesh.web.nodeId, kind: 'drift' } as const
    return JSON.stringify(
      (await mesh.system.admin.listTelemetry({ params })).body.items,
    ).replaceAll('\\"', '"')
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
