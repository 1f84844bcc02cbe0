import assert from 'node:assert/strict'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { startPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { kernelState, settle, untilReaches } from './support/members.ts'
import { openMesh } from './support/mesh.ts'
import { type KernelCalls, noting, readCalls } from './support/system-calls.ts'

const lostMesh = 'the mesh on disk is damaged'

describe('an agent whose mesh is disturbed', { skip: labSkip('strace') }, () => {
  const mesh = openMesh(['web', 'db'])
  before(async () => {
    await mesh.web.host.exec(['nft', '-f', '-'], { input: foreignTables })
    await untilReaches(mesh.web, mesh.db)
    await until('both keep still', async () =>
      (await logOf(mesh.web)).includes('public endpoint found'),
    )
    await settle(mesh.web)
  })

  it('carries traffic while it is dead, and writes nothing when it restarts', async () => {
    const state = await kernelState(mesh.web)
    const sessions = await handshakesOf(mesh.web)
    const running = startPing(mesh.web.host, mesh.db.meshIp)
    await mesh.web.agent.end('SIGKILL')
    await delay(500)
    assert.equal(await kernelState(mesh.web), state)
    await mesh.web.agent.start()
    await until('it is connected', async () =>
      /event stream:\s+connected/.test(await mesh.web.plexd('status')),
    )
    await delay(2_500)

    const { sent, received } = await running.stop()
    assert.equal(received, sent)
    assert.equal(await kernelState(mesh.web), state)
    assert.equal(await handshakesOf(mesh.web), sessions)
  })

  it('only reads from the kernel when it restarts, and changes nothing', async () => {
    const startNoted = async (name: string): Promise<KernelCalls> => {
      const file = join(mesh.lab.folder, name)
      const asked = await stunRules(mesh.web)
      await mesh.web.agent.end('SIGKILL')
      await mesh.web.agent.start(noting(file))
      await until(
        'it has looked for its endpoint',
        async () => (await stunRules(mesh.web)) !== asked,
      )
      await delay(2_000)
      return readCalls(file)
    }
    const calm = await startNoted('calm.strace')
    assert.deepEqual(calm.writes, [])
    for (const asked of ['RTM_GETLINK', 'RTM_GETROUTE', 'NFT_MSG_GETRULE', 'get=1'])
      assert.ok(
        calm.reads.some((line) => line.includes(asked)),
        asked,
      )

    await mesh.web.agent.end('SIGKILL')
    const key = (await mesh.db.host.exec(['wg', 'show', 'plexd0', 'public-key'])).trim()
    await mesh.web.host.exec(['wg', 'set', 'plexd0', 'peer', key, 'remove'])
    await mesh.web.host.exec(['ip', 'address', 'flush', 'dev', 'plexd0'])
    await mesh.web.host.exec(['nft', 'delete', 'table', 'inet', 'plexd'])
    const disturbed = await startNoted('disturbed.strace')
    for (const asked of ['set=1', 'RTM_NEWADDR', 'NFT_MSG_NEWRULE'])
      assert.ok(
        disturbed.writes.some((line) => line.includes(asked)),
        asked,
      )
  })

  for (const [what, command] of [
    ['deletes', ['nft', 'delete', 'table', 'inet', 'plexd']],
    ['flushes', ['nft', 'flush', 'table', 'inet', 'plexd']],
  ] as const)
    it(`restores the table that somebody ${what}, and reports it`, async (t) => {
      const before = await ruleset(mesh.web)
      const reported = await driftCount()
      const startedMs = performance.now()
      await mesh.web.host.exec(command)
      await until('the table is back', async () => (await ruleset(mesh.web)) === before)
      t.diagnostic(`restored after ${Math.round(performance.now() - startedMs)} ms at most`)
      await until('it is reported', async () => (await driftCount()) > reported)
      await untilReaches(mesh.web, mesh.db)
    })

  it('restores its peers and its table after another program has flushed everything', async () => {
    const before = await ruleset(mesh.web)
    const key = (await mesh.db.host.exec(['wg', 'show', 'plexd0', 'public-key'])).trim()
    await mesh.web.host.exec(['nft', 'flush', 'ruleset'])
    await mesh.web.host.exec(['wg', 'set', 'plexd0', 'peer', key, 'remove'])
    await until('both are back', async () => {
      const peers = await mesh.web.host.exec(['wg', 'show', 'plexd0', 'peers'])
      return peers.includes(key) && (await ruleset(mesh.web)) === before
    })
    await untilReaches(mesh.web, mesh.db)
    await mesh.web.host.exec(['nft', '-f', '-'], { input: foreignTables })
  })

  it('never touches the tables of other programs', async () => {
    const listOthers = async (): Promise<string> =>
      (
        await Promise.all(
          others.map((name) =>
            mesh.web.host.exec(['nft', '-s', '-a', 'list', 'table', ...name.split(' ')]),
          ),
        )
      ).join()
    const before = await listOthers()
    await mesh.web.host.exec(['nft', 'delete', 'table', 'inet', 'plexd'])
    await until('the table is back', async () => (await ruleset(mesh.web)) !== '')
    const all = await ruleset(mesh.web)
    const name = 'allow-all'
    await mesh.system.admin.putPolicy({
      params: { name },
      body: { name, rules: [{ from: '*', to: '*', protocol: 'icmp', action: 'allow' }] },
    })
    await until('the policy is in force', async () => ![all, ''].includes(await ruleset(mesh.web)))
    assert.equal(await listOthers(), before)
    await untilReaches(mesh.web, mesh.db)
  })

  async function driftCount(): Promise<number> {
    const params = { node: mesh.web.nodeId, kind: 'drift' } as const
    return (await mesh.system.admin.listTelemetry({ params })).body.items.length
  }

  it('keeps everything in force if its stored state is damaged, until the control plane answers', async () => {
    const state = await kernelState(mesh.web)
    const running = startPing(mesh.web.host, mesh.db.meshIp)
    await mesh.web.agent.end('SIGKILL')
    await mesh.system.controlPlane.end('SIGKILL')
    await truncate(join(mesh.web.agent.dataDir, 'state', 'mesh.journal'), 100)
    await mesh.web.agent.start()
    await until('it says so', async () => (await mesh.web.plexd('status')).includes(lostMesh))
    assert.equal(await kernelState(mesh.web), state)

    await mesh.system.controlPlane.start()
    await until('it knows again', async () => !(await mesh.web.plexd('status')).includes(lostMesh))
    const { sent, received } = await running.stop()
    assert.equal(received, sent)
    assert.equal(await kernelState(mesh.web), state)
  })
})

async function logOf({ agent }: MeshMember): Promise<string> {
  return agent.program().log()
}

/** With the packets that each has let through. */
function stunRules({ host }: MeshMember): Promise<string> {
  return host.exec(['nft', 'list', 'table', 'inet', 'plexd_stun'])
}

async function handshakesOf({ host }: MeshMember): Promise<string> {
  return host.exec(['wg', 'show', 'plexd0', 'latest-handshakes'])
}

/** Which rules are in force, and how many ways lead to them; empty where there are none. */
async function ruleset({ host }: MeshMember): Promise<string> {
  const list = ['nft', '-s', '-n', 'list', 'table', 'inet', 'plexd'] as const
  const text = await host.exec(list).catch(() => '')
  const [, digest = ''] = /chain seal_([0-9a-f]+)_/.exec(text) ?? []
  return digest === '' ? '' : `${digest}, ${text.split('jump decide_').length - 1} jumps`
}

const others = ['ip nat', 'ip filter', 'inet firewalld']
/** As Docker and firewalld leave theirs. */
const foreignTables = `table ip nat {
	chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; jump DOCKER; }
	chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; ip saddr 172.17.0.0/16 oifname != "docker0" counter masquerade; }
	chain DOCKER { iifname "docker0" counter return; }
}
table ip filter {
	chain FORWARD { type filter hook forward priority filter; policy drop; oifname "docker0" ct state established,related counter accept; }
	chain DOCKER-USER { counter return; }
}
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state established,related accept
		iifname "lo" accept
		udp dport 51820 accept
		iifname "plexd0" accept
		reject with icmpx admin-prohibited
	}
}
`
