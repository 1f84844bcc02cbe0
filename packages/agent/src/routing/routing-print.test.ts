import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { enterNamespace } from '../testing/enter-namespace.ts'
import { createNamespace, whyNoNamespaces } from '../testing/namespace.ts'
import { loadRoutingPrint } from './routing-print.ts'

describe('the print of the routing', { skip: whyNoNamespaces(['ip']) }, () => {
  it('is another after every change of a rule or a route, and the same as long as there is none', async () => {
    using space = createNamespace()
    space.run(
      'ip link set lo up; ip link add plexd0 type veth peer name down0; ip link set plexd0 up',
    )
    const print = await loadRoutingPrint(silentLog)
    const read = async (): Promise<string> =>
      (await enterNamespace(space, () => print())) ?? assert.fail('it is unknown')
    const prints = [await read()]
    assert.equal(await read(), prints[0])
    for (const command of [
      'ip route add 10.101.0.0/16 dev plexd0',
      'ip route add 10.100.0.0/16 dev plexd0 table 8293',
      'ip rule add to 10.100.0.0/16 lookup 8293',
      'ip rule add fwmark 0xe4 lookup main suppress_prefixlength 0',
      'ip -6 rule add fwmark 0xe4 lookup 8293',
      'ip -6 route add fd00:1::/48 dev plexd0 expires 600',
      'ip route replace 10.101.0.0/16 dev plexd0 metric 7',
      'ip link set plexd0 down',
    ]) {
      space.run(command)
      prints.push(await read())
      assert.equal(new Set(prints).size, prints.length, command)
    }
  })
})
