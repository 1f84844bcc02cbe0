import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { PolicyRule } from '@plexd/protocol'
import { ExecError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { killIn } from '../../scripts/laboratory/namespace.ts'
import { lostPings, ping, untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import type { MeshMember } from '../../scripts/programs/mesh-system.ts'
import { joinAll, startTrafficOn } from './support/members.ts'
import { openMesh } from './support/mesh.ts'

const icmp: PolicyRule = { from: '*', to: '*', protocol: 'icmp', action: 'allow' }

const obstacles = [
  {
    name: 'drops all that nobody admits',
    check: 'host firewall',
    table: 'inet others',
    rules: `chain input {
  type filter hook input priority filter; policy drop;
  ct state vmap { established : accept, related : accept, invalid : drop }
  iifname "lo" accept
  tcp dport 22 accept
}
`,
    words: /drops what peers send.*drops WireGuard: .* UDP port 51820/,
  },
  {
    name: 'keeps WireGuard out',
    check: 'host firewall',
    table: 'ip others',
    rules: `chain input {
  type filter hook input priority filter; policy accept;
  ct state new udp dport 51820 counter drop
}
`,
    words: /drops WireGuard: .* UDP port 51820/,
  },
  {
    name: 'lets nothing out that nobody admits',
    check: 'host firewall',
    table: 'inet hard',
    rules: `chain out {
  type filter hook output priority filter; policy drop;
  oifname "lo" accept
  ip daddr 203.0.113.1 accept
}
`,
    words: /drops what is for peers.*drops WireGuard: .* UDP from port 51820/,
  },
  {
    name: 'has packets go untracked',
    check: 'conntrack',
    table: 'ip raw',
    rules: `chain prerouting {
  type filter hook prerouting priority raw; policy accept;
  notrack
}
chain output {
  type filter hook output priority raw; policy accept;
  oifname != "lo" notrack
}
`,
    words: /on plexd0 go untracked \(NOTRACK\)/,
  },
]

/** As ufw leaves it where nothing but ssh is allowed. */
const ufw = `table ip filter {
	chain INPUT { type filter hook input priority filter; policy drop; jump ufw-before-input; jump ufw-user-input; }
	chain ufw-before-input { iifname "lo" accept; ct state related,established accept; ip protocol icmp icmp type echo-request iifname "eth0" accept; }
	chain ufw-user-input { tcp dport 22 accept; }
}
`

const fight = /"inet plexd" \d+ times in the last minute, last by process "nft" \(\d+\)/

/** Runs a command whose temporary folder has no room left. */
const withFullFolder = [
  'sh',
  '-c',
  'mkdir /run/full && mount -t tmpfs -o size=4096 full /run/full && head -c 4096 /dev/zero >/run/full/file && TMPDIR=/run/full exec "$@"',
  'sh',
]

/** The process id that doctor names. */
async function holderOf(member: MeshMember): Promise<string | undefined> {
  return /held by process (\d+)/.exec(await doctor(member))?.[1]
}

function tables({ host }: MeshMember): Promise<string> {
  return host.exec(['nft', 'list', 'tables'])
}

describe('the packet filter of a node, changed by other programs', { skip: labSkip() }, () => {
  const mesh = openMesh(['web', 'db'], {
    prepare: ({ system }) =>
      system.admin.putPolicy({
        params: { name: 'allow-all' },
        body: { name: 'allow-all', rules: [icmp] },
      }),
  })
  before(() => untilPing(mesh.web.host, mesh.db.meshIp))

  it('lets no denied packet pass while another program flushes it twice a second, and names that program', async (t) => {
    await using server = await startTrafficOn(mesh.db)
    await server.listen(mesh.db.meshIp, 9090)
    await using flooder = await startTrafficOn(mesh.web)
    await flooder.startFlood(mesh.db.meshIp, 9090, 500)
    const flushing = mesh.db.host.spawn(['sh', '-c', 'while nft flush ruleset; do sleep 0.5; done'])
    // What policy allows passes whenever the table is there.
    const allowed = await ping(mesh.web.host, mesh.db.meshIp, {
      count: 200,
      intervalMs: 20,
      waitMs: 1_000,
    })
    await until('the problem is told', async () => fight.test(await mesh.db.plexd('status')))
    assert.match(await doctor(mesh.db), fight)
    flushing.kill('SIGKILL')

    const { sent, answered } = await flooder.stopFlood()
    t.diagnostic(`${answered} of ${sent} denied packets passed, and ${allowed} of 200 allowed ones`)
    assert.equal(answered, 0)
    assert.ok(allowed > 50, `${allowed} of 200`)
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  it('lets nothing pass while the table is gone and no daemon runs, until a daemon starts', async () => {
    const before = await holderOf(mesh.db)
    await mesh.db.agent.end('SIGKILL')
    assert.equal(await ping(mesh.web.host, mesh.db.meshIp), 1)
    await mesh.db.host.exec(['nft', 'flush', 'ruleset'])
    assert.equal(await ping(mesh.web.host, mesh.db.meshIp, { count: 3, waitMs: 300 }), 0)
    assert.equal(await ping(mesh.db.host, mesh.web.meshIp, { count: 3, waitMs: 300 }), 0)

    await mesh.db.agent.start(withFullFolder)
    await untilPing(mesh.web.host, mesh.db.meshIp)
    assert.equal(await holderOf(mesh.db), before)
    assert.match((await finding(mesh.db, 'daemon')).detail, /no problems/)
  })

  it('cannot be opened by another program: the backstop is protected, and is created again when its process is killed', async () => {
    const [table = ''] = /plexd_backstop_\w+/.exec(await tables(mesh.db)) ?? []
    const orders = [`delete table inet ${table}`, `flush chain inet ${table} behind_input`]
    for (const order of orders)
      await assert.rejects(mesh.db.host.exec(['nft', ...order.split(' ')]), /not permitted/)

    const before = await holderOf(mesh.db)
    await killIn(mesh.db.host, 'nft')
    await until(
      'another holds it',
      async () => ![before, undefined].includes(await holderOf(mesh.db)),
    )
    assert.equal(await lostPings(mesh.web.host, mesh.db.meshIp, 3), 0)
    await mesh.db.host.exec(['nft', 'delete', 'table', 'inet', 'plexd'])
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  it("ignores another program's packet marks", async () => {
    mesh.db.agent.program().child.kill('SIGSTOP')
    await mesh.db.host.exec(['nft', '-f', '-'], {
      input: `flush ruleset
table inet others {
	chain early { type filter hook prerouting priority mangle; meta mark set 0xffffffff; }
	chain local { type filter hook output priority mangle; meta mark set 0xffffffff; }
}
`,
    })
    assert.equal(await ping(mesh.web.host, mesh.db.meshIp, { count: 3, waitMs: 300 }), 0)
    assert.equal(await ping(mesh.db.host, mesh.web.meshIp, { count: 3, waitMs: 300 }), 0)
    await mesh.db.host.exec(['nft', 'delete', 'table', 'inet', 'others'])
    mesh.db.agent.program().child.kill('SIGCONT')
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  for (const { name, check, table, rules, words } of obstacles)
    it(`is named by doctor where a chain of another program ${name}, with a remedy that works`, async () => {
      await mesh.db.host.exec(['nft', '-f', '-'], { input: `table ${table} {\n${rules}}\n` })
      const { detail, remedy = '' } = await finding(mesh.db, check)
      assert.match(detail, words)
      assert.match(detail, new RegExp(`chain "${table} `))
      assert.match(remedy, /^nft insert rule/)
      for (const command of remedy.split('; ')) await mesh.db.host.exec(['sh', '-c', command])
      assert.equal((await finding(mesh.db, check)).state, 'ok')
      await untilPing(mesh.web.host, mesh.db.meshIp)
      await mesh.db.host.exec(['nft', 'delete', 'table', ...table.split(' ')])
    })

  it('is reported by doctor if ufw blocks the mesh, with the command for ufw', async () => {
    await mesh.db.host.exec(['nft', '-f', '-'], { input: ufw })
    assert.equal(await ping(mesh.web.host, mesh.db.meshIp, { waitMs: 300 }), 0)
    const { detail, remedy } = await finding(mesh.db, 'host firewall')
    assert.match(detail, /"ip filter INPUT" \(ufw\) drops what peers send/)
    assert.equal(remedy, 'ufw allow in on plexd0; ufw allow 51820/udp')
    await mesh.db.host.exec(['nft', 'delete', 'table', 'ip', 'filter'])
    await untilPing(mesh.web.host, mesh.db.meshIp)
  })

  it('is closed by the backstop even if the default is to allow', async () => {
    const config = 'policy: { default: allow }\n'
    const { open, wide } = await joinAll(mesh.lab, mesh.system, ['open', 'wide'], () => ({
      config,
    }))
    await untilPing(wide.host, open.meshIp)
    await using server = await startTrafficOn(open)
    await using client = await startTrafficOn(wide)
    await server.listen(open.meshIp, 9090)
    assert.equal(await client.reaches('tcp', open.meshIp, 9090), true)
    assert.notEqual(await holderOf(open), undefined)

    open.agent.program().child.kill('SIGSTOP')
    await open.host.exec(['nft', 'flush', 'ruleset'])
    assert.equal(await client.isKeptFrom('tcp', open.meshIp, 9090), true)
    assert.equal(await ping(open.host, wide.meshIp, { waitMs: 300 }), 0)
    open.agent.program().child.kill('SIGCONT')
    assert.equal(await client.reaches('tcp', open.meshIp, 9090), true)
  })

  it('is reported if its backstop is killed again and again', async () => {
    for (let times = 0; times < 5; times++) {
      const before = await holderOf(mesh.db)
      await killIn(mesh.db.host, 'nft')
      await until(
        'another holds it',
        async () => ![before, undefined].includes(await holderOf(mesh.db)),
      )
    }
    assert.match(await mesh.db.plexd('status'), /ended \d times in the last minute, and is started/)
  })

  it('leaves nothing behind after plexd down', async () => {
    await mesh.db.plexd('down')
    assert.doesNotMatch(await tables(mesh.db), /plexd/)
    assert.equal(await holderOf(mesh.db), undefined)
  })
})

interface Finding {
  check: string
  state: string
  detail: string
  remedy?: string
}

async function finding(member: MeshMember, check: string): Promise<Finding> {
  const findings: Finding[] = JSON.parse(await doctor(member, '--json'))
  const found = findings.find((one) => one.check === check)
  assert.ok(found, `doctor checks ${check}`)
  return found
}

/** It fails where something is wrong. */
async function doctor(member: MeshMember, ...args: string[]): Promise<string> {
  return member.plexd('doctor', ...args).catch((error: unknown) => {
    if (error instanceof ExecError) return error.stdout
    throw error
  })
}
