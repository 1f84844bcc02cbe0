import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { PolicyRule } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { commandOf } from '../../scripts/programs/program.ts'
import { follow, type Started } from '../support/started.ts'
import { startTrafficOn, untilReaches } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

const port = 8_022

/** Everybody may ping, so that what keeps the guest out is the policy; only the admin may open sessions. */
const rules: PolicyRule[] = [
  { from: '*', to: '*', protocol: 'icmp', action: 'allow' },
  { from: 'role=admin', to: '*', protocol: 'tcp', port, action: 'allow' },
]

/** Sessions from one member to another, by plexctl and by OpenSSH on the host of the first. */
describe('sessions by the mesh', { skip: labSkip('ssh') }, () => {
  const mesh = openMesh(['admin', 'guest', 'db', 'cache'], {
    prepare: ({ system }) =>
      system.admin.putPolicy({ params: { name: 'allow-all' }, body: { name: 'allow-all', rules } }),
    join: (role) => ({
      metadata: { role },
      config: role === 'cache' ? 'sessions: { idle_timeout: 1s }' : '',
    }),
  })
  before(async () => {
    await Promise.all([
      untilReaches(mesh.admin, mesh.db),
      untilReaches(mesh.admin, mesh.cache),
      untilReaches(mesh.guest, mesh.db),
    ])
  })

  function start({ host }: MeshMember, command: readonly string[]): Started {
    const environment = {
      ...mesh.system.controlPlane.environment,
      XDG_CONFIG_HOME: join(mesh.lab.folder, 'config'),
    }
    return follow(host.spawn(command, environment))
  }

  function ssh(from: MeshMember, to: string, ...words: string[]): Started {
    return start(from, commandOf('plexctl', ['ssh', '--mesh', `root@${to}`, ...words]))
  }

  /** A session that answers each line until there are no more; resolves once it runs. */
  async function open(to: string): Promise<{ running: Started; id: string }> {
    const line = 'echo "$PLEXD_SESSION_ID"; sed -u s/^/heard:/; exit 5'
    const running = ssh(mesh.admin, to, '--', line)
    await until('the session', () => running.stdout().endsWith('\n') || running.stderr() !== '')
    assert.equal(running.stderr(), '')
    return { running, id: running.stdout().trim() }
  }

  /** Until `session show` says why it has ended. */
  function untilShown(id: string, reason: string): Promise<true> {
    const line = new RegExp(`^state: +closed: ${reason}$`, 'm')
    return until(`${id} ended: ${reason}`, async () =>
      line.test(await mesh.system.plexctl('session', 'show', id)),
    )
  }

  describe('side by side', { concurrency: true }, () => {
    it('run a command on another member, with its input, output and exit code', async () => {
      await using running = ssh(mesh.admin, 'db', '--', 'cat; echo oops >&2; exit 7')
      running.stdin.end('typed\n')

      assert.equal(await running.ended, 7, running.stderr())
      assert.equal(running.stdout(), 'typed\n')
      // What the profile of root on this machine has to say comes first.
      assert.match(running.stderr(), /^oops\n$/m)
    })

    it('serve OpenSSH by ssh-proxy --mesh', async () => {
      const plexctl = commandOf('plexctl', []).join(' ')
      await using config = start(
        mesh.admin,
        commandOf('plexctl', ['ssh-config', 'db', '--plexctl', plexctl]),
      )
      assert.equal(await config.ended, 0, config.stderr())
      const file = join(mesh.lab.folder, 'ssh_config')
      await writeFile(file, config.stdout().replace(' ssh-proxy ', ' ssh-proxy --mesh '))

      await using running = start(mesh.admin, [
        'ssh',
        '-F',
        file,
        'root@db',
        'id -un; echo $PLEXD_SESSION_ID; exit 9',
      ])

      assert.equal(await running.ended, 9, running.stderr())
      const [user, session = ''] = running.stdout().trim().split('\n')
      assert.equal(user, 'root')
      const { body } = await mesh.system.admin.getSession({ params: { session } })
      assert.equal(body.way, 'mesh')
    })

    it('are open to those alone whom the policy lets in', async () => {
      // It gives up after 10 s, in which the rest is looked at.
      await using refused = ssh(mesh.guest, 'db', '--', 'echo in')
      const { running } = await open('db')
      await using _ = running
      await using admin = await startTrafficOn(mesh.admin)
      await using guest = await startTrafficOn(mesh.guest)

      assert.equal(await admin.reaches('tcp', mesh.db.meshIp, port), true)
      assert.equal(await guest.isKeptFrom('tcp', mesh.db.meshIp, port), true)
      running.stdin.end()
      assert.equal(await running.ended, 5)
      assert.equal(await refused.ended, 255)
      assert.equal(refused.stdout(), '')
      assert.match(refused.stderr(), /dial .*:8022: .*does a policy let it in there\?/)
    })

    it('end when their time is up, which plexctl says', async () => {
      const line = 'while echo .; do sleep 0.2; done'
      await using running = ssh(mesh.admin, 'db', '--ttl', '8s', '--', line)

      assert.equal(await running.ended, 255)
      assert.match(running.stderr(), /has ended: its time is up/)
    })

    it('end when nothing is sent for too long, which plexctl says', async () => {
      await using running = ssh(mesh.admin, 'cache', '--', 'sleep 60')

      assert.equal(await running.ended, 255)
      assert.match(running.stderr(), /has ended: nothing was sent for too long/)
    })
  })

  it('live on while the control plane is away, which is told of their end once it is back', async () => {
    const { running, id } = await open('db')
    await using _ = running

    await mesh.system.controlPlane.end('SIGKILL')
    running.stdin.write('alone\n')
    await until('an answer', () => running.stdout() === `${id}\nheard:alone\n`)
    running.stdin.end()
    assert.equal(await running.ended, 5, running.stderr())

    await mesh.system.controlPlane.start()
    await untilShown(id, 'client_closed')
  })

  for (const [signal, reason, words] of [
    ['SIGTERM', 'shutdown', /has ended: plexd has stopped or restarts there/],
    ['SIGKILL', 'error', /^plexctl: db/m],
  ] as const)
    it(`end with the daemon of their node, which ${signal} ends: ${reason}`, async () => {
      const { running, id } = await open('db')
      await using _ = running

      await mesh.db.agent.end(signal)
      assert.equal(await running.ended, 255)
      assert.match(running.stderr(), words)

      await mesh.db.agent.start()
      await untilShown(id, reason)
    })
})
