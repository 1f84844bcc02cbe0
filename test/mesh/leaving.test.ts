import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { pingAll } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { untilReaches } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

const names = [
  'stays',
  'goes-down',
  'killed',
  'leaves',
  'purged',
  'bare',
  'shut-down',
  'removed',
] as const

describe('a node that leaves', { skip: labSkip() }, () => {
  const members = openMesh(names, {
    join: (name) => (name === 'shut-down' ? { config: 'deregister_on_shutdown: true\n' } : {}),
  })
  before(async () => {
    for (const name of names) if (name !== 'stays') await untilReaches(members[name], members.stays)
    for (const name of names)
      await until('STUN rules are there', () => hasStunRules(members[name]), 20_000)
  })

  it('leaves nothing behind after plexd down', async () => {
    const member = members['goes-down']
    const text = await member.plexd('down')
    assert.match(text, /plexd stopped\ninterface plexd0 removed\n/)
    await assertNothingIsLeft(member)
  })

  it('leaves nothing behind after plexd down, even if its daemon was killed', async () => {
    const member = members.killed
    await member.agent.end('SIGKILL')
    assert.equal(await hasStunRules(member), true)
    assert.match(await member.plexd('down'), /no daemon answered\ninterface plexd0 removed\n/)
    await assertNothingIsLeft(member)
  })

  for (const [name, args] of [
    ['leaves', ['deregister']],
    ['purged', ['deregister', '--purge', '--force']],
  ] as const)
    it(`leaves nothing behind after plexd ${args.join(' ')}, and its peers forget it`, async () => {
      const member = members[name]
      if (name === 'purged') await member.agent.end()
      await member.plexd(...args)
      await assertNothingIsLeft(member)
      await untilForgotten(member)
    })

  it('leaves nothing behind after plexd deregister, even if its daemon and its interface are gone', async () => {
    const member = members.bare
    await member.agent.end('SIGKILL')
    await member.host.exec(['ip', 'link', 'delete', 'plexd0'])
    await member.plexd('deregister')
    await assertNothingIsLeft(member)
    await untilForgotten(member)
  })

  it('leaves nothing behind when it deregisters on shutdown', async () => {
    const member = members['shut-down']
    await member.agent.end()
    await assertNothingIsLeft(member)
    await untilForgotten(member)
  })

  it('is cut off from all others when an operator removes it', async () => {
    const { removed, stays } = members
    await members.system.admin.removeNode({ params: { node: 'removed' } })
    await untilForgotten(removed)
    assert.deepEqual(await pingAll(removed.host, [stays.meshIp], 500), [])
  })

  async function untilForgotten({ meshIp }: MeshMember): Promise<void> {
    await until(
      'it is forgotten',
      async () => !(await peersOf(members.stays)).includes(`${meshIp}/32`),
    )
  }
})

function peersOf({ host }: MeshMember): Promise<string> {
  return host.exec(['wg', 'show', 'plexd0', 'allowed-ips'])
}

async function hasStunRules({ host }: MeshMember): Promise<boolean> {
  return (await host.exec(['nft', 'list', 'tables'])).includes('plexd_stun')
}

/** Of programs a little later: the last thing that a daemon does is to end. */
async function assertNothingIsLeft({ host, agent }: MeshMember): Promise<void> {
  assert.doesNotMatch(await host.exec(['ip', 'link']), /plexd0/)
  assert.doesNotMatch(await host.exec(['ip', 'route', 'show', 'table', 'all']), /10\.100/)
  assert.equal(await host.exec(['nft', 'list', 'tables']), '')
  await until(
    'the daemon has ended',
    () => agent.program().child.exitCode !== null || agent.program().child.signalCode !== null,
  )
  const running = async (): Promise<string> =>
    host.exec([
      'sh',
      '-c',
      'for pid in $(ip netns pids "$0"); do cat /proc/$pid/comm; done',
      host.name,
    ])
  await until(
    'no program of it runs',
    async () => !/node|wireguard|ip\n/.test((await running()).replace(/^(sh|cat|ip)$/gm, '')),
  )
}
