import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ExecError, execAny } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { killIn, programsIn } from '../../scripts/laboratory/namespace.ts'
import { ping, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { commandOf } from '../../scripts/programs/program.ts'
import { openMesh } from './support/mesh.ts'

const quick = 'reconcile: { interval: 1s }\nheartbeat: { interval: 1s }\n'

/** nft as it was before tables could have an owner: it knows no such flag, and says so as 0.9.8 does. */
const oldNft = `#!/bin/sh
case " $* " in
  *' -f - '*)
    text=$(cat)
    case $text in
      *'flags owner'*)
        echo '/dev/stdin:1:45-49: Error: unknown table option owner' >&2
        exit 1 ;;
    esac
    printf '%s\\n' "$text" | exec /usr/sbin/nft "$@" ;;
esac
exec /usr/sbin/nft "$@"
`

describe('an agent on a machine that lacks something', { skip: labSkip('prlimit') }, () => {
  const mesh = openMesh(['db'])

  it('has its mesh and its filter with an nft without table owners, and says what is missing', async () => {
    const bin = join(mesh.lab.folder, 'old-tools')
    await mkdir(bin)
    await writeFile(join(bin, 'nft'), oldNft)
    await chmod(join(bin, 'nft'), 0o755)
    const env = { PATH: `${bin}:${process.env.PATH}` }
    const old = await mesh.system.join('old', await mesh.lab.host('old'), { env, config: quick })
    await untilPing(mesh.db.host, old.meshIp)
    const said =
      /nothing stands behind the packet filter, .*unknown table option owner: want nftables/
    await until('it is said', async () => said.test(await old.plexd('status')))
    assert.doesNotMatch(await old.host.exec(['nft', 'list', 'tables']), /plexd_backstop/)
    assert.match(await doctor(old, ['env', `PATH=${env.PATH}`]), said)

    await old.host.exec(['nft', 'flush', 'ruleset'])
    await until('its table is back', async () =>
      /table inet plexd$/m.test(await old.host.exec(['nft', 'list', 'tables'])),
    )
    await untilPing(mesh.db.host, old.meshIp)
  })

  it('has no mesh without /dev/net/tun, says so, and brings it up once the device exists', async () => {
    const without = ['sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh'] as const
    const web = await mesh.system.join('web', await mesh.lab.host('web'), { config: quick })
    await untilPing(web.host, mesh.db.meshIp)
    await web.plexd('down')
    await web.agent.start(without)
    const said = /"\/dev\/net\/tun" is not there.*modprobe tun/
    await until('it is said', async () => said.test(await web.plexd('status')))
    assert.match(await doctor(web, without), /FAILED +wireguard: .*"\/dev\/net\/tun" is not there/)
    assert.equal(await ping(web.host, mesh.db.meshIp, { waitMs: 300 }), 0)

    const inside = [
      'nsenter',
      '--target',
      String(web.agent.program().pid),
      '--mount',
      '--',
    ] as const
    await web.host.exec([...inside, 'umount', '/dev/net'])
    await untilPing(web.host, mesh.db.meshIp, 20_000)
    await until('nothing is wrong', async () =>
      /^problems: +none$/m.test(await web.plexd('status')),
    )
  })

  it('survives running out of file descriptors, reports it, and watches its network again', async () => {
    const web = await mesh.system.join('full', await mesh.lab.host('full'), { config: quick })
    await untilPing(web.host, mesh.db.meshIp)
    const { pid } = web.agent.program()
    const limit = (most: string) => execAny(['prlimit', '--pid', String(pid), `--nofile=${most}:`])
    await until('it watches', async () => (await programsIn(web.host, 'ip')).length > 0)

    const [, was = ''] =
      /open files +(\d+)/.exec(await readFile(`/proc/${pid}/limits`, 'utf8')) ?? []
    await limit('3') // those that it has stay open
    await killIn(web.host, 'ip')
    await until('it is in the log', async () =>
      /EMFILE: this process may open no more files.*"ip monitor ended/.test(
        await web.agent.program().log(),
      ),
    )
    await until('it has lived on', async () => (await looks(web)) >= 2, 30_000)
    assert.equal(web.agent.program().child.exitCode, null)
    await limit(was)

    await until('it watches again', async () => (await programsIn(web.host, 'ip')).length > 0)
    await web.host.ip(['link delete plexd0'])
    await untilPing(web.host, mesh.db.meshIp)
    await until('nothing is wrong', async () =>
      /^problems: +none$/m.test(await web.plexd('status')),
    )
  })

  /** How often it tried to watch by now, each time later. */
  async function looks({ agent }: MeshMember): Promise<number> {
    return (await agent.program().log()).split('"ip monitor ended').length - 1
  }

  /** It fails where something is wrong. */
  async function doctor(member: MeshMember, under: readonly string[]): Promise<string> {
    const { dataDir, socket } = member.agent
    const { url, caFile } = mesh.system.controlPlane
    const flags = ['--data-dir', dataDir, '--socket', socket, '--api', url, '--ca-file', caFile]
    const [first = '', ...rest] = [...under, ...commandOf('plexd', ['doctor', ...flags])]
    return member.host.exec([first, ...rest], { timeoutMs: 60_000 }).catch((error: unknown) => {
      if (error instanceof ExecError) return error.stdout
      throw error
    })
  }
})
