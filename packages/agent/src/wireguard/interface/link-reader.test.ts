import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { enterNamespace } from '../../testing/enter-namespace.ts'
import { createNamespace, whyNoNamespaces } from '../../testing/namespace.ts'
import { linkQuery, parseLink } from './link.ts'
import { loadLinkReader } from './link-reader.ts'

describe('the link reader', { skip: whyNoNamespaces(['ip']) }, () => {
  it('sees what ip sees, by the alternative name too', async () => {
    using space = createNamespace()
    space.run(setUp)
    const readLink = await loadLinkReader()
    for (const name of ['lo', 'down0', 'plexd0', 'other0']) {
      const [program, ...args] = [...space.enter, 'ip', '-json', '-details', '-batch', '-']
      const text = execFileSync(program, args, { input: linkQuery(name), encoding: 'utf8' })
      assert.deepEqual(await enterNamespace(space, () => readLink(name)), parseLink(text))
    }
    assert.equal(await enterNamespace(space, () => readLink('plexd1')), undefined)
  })
})

/** With routes of both families and tables, more of them than one message holds. */
const setUp = `
ip link add plexd0 type veth peer name down0
ip link set plexd0 up mtu 1400
ip link property add dev plexd0 altname other0
ip address add 10.100.1.2/32 dev plexd0
ip address add 10.9.0.1/24 dev plexd0
ip route add default dev plexd0 table 8293
ip route add 10.7.7.7 dev plexd0 table 8293
ip route add 10.101.0.0/16 dev plexd0
ip -6 route add fd00:1::/48 dev plexd0 table 8293
ip route add blackhole 10.66.0.0/16 table 8293
for net in $(seq 1 250); do echo "route add 10.200.$net.0/24 dev plexd0 table 8293"; done | ip -batch -
`
