import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LinkState, parseLink, planLink, type WantedLink } from './link.ts'

const wanted = { mtu: 1420, address: '10.100.1.2/32', routes: ['10.100.0.0/16'] }
const asWanted: LinkState = {
  name: 'plexd0',
  kind: 'wireguard',
  up: true,
  mtu: 1420,
  addresses: ['10.100.1.2/32'],
  routes: ['10.100.0.0/16'],
  mainRoutes: [],
}

describe('parseLink', () => {
  it('reads an interface of wireguard-go', () => {
    const text = `${JSON.stringify([
      {
        ifname: 'plexd0',
        flags: ['POINTOPOINT', 'NOARP', 'UP', 'LOWER_UP'],
        mtu: 1420,
        link_type: 'none',
        linkinfo: { info_kind: 'tun', info_data: { type: 'tun' } },
        addr_info: [
          { family: 'inet', local: '10.100.1.2', prefixlen: 32, scope: 'global' },
          { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
        ],
      },
    ])}\n${JSON.stringify([
      { dst: '10.100.0.0/16', table: '8293', scope: 'link', flags: [] },
      { type: 'local', dst: '10.100.1.2', table: 'local', scope: 'host', flags: [] },
    ])}\n`

    assert.deepEqual(parseLink(text), { ...asWanted, kind: 'tun' })
  })

  it('takes the type of the link where there is no kind', () => {
    const text = `${JSON.stringify([{ ifname: 'plexd0', flags: [], mtu: 1500, link_type: 'ether', addr_info: [] }])}\n[]\n`

    assert.deepEqual(parseLink(text), {
      name: 'plexd0',
      kind: 'ether',
      up: false,
      mtu: 1500,
      addresses: [],
      routes: [],
      mainRoutes: [],
    })
  })

  it('refuses what is not the answer to the query', () => {
    assert.throws(() => parseLink('[]\n[]\n'), /it names none/)
    assert.throws(() => parseLink('[{"mtu":"big"}]\n[]\n'), /fields are missing/)
  })
})

describe('planLink', () => {
  it('leaves an interface that is as wanted alone', () => {
    assert.deepEqual(planLink('plexd0', wanted, asWanted), [])
  })

  it('sets up a new interface, the route last', () => {
    const fresh = { ...asWanted, up: false, mtu: 1500, addresses: [], routes: [] }

    const commands = planLink('plexd0', wanted, fresh).map(({ command }) => command)

    assert.deepEqual(commands, [
      'link set dev plexd0 mtu 1420',
      'address add 10.100.1.2/32 dev plexd0',
      'link set dev plexd0 up',
      'route replace 10.100.0.0/16 dev plexd0 table 8293',
    ])
  })

  it('has a route for each range, and leaves the others alone when one comes or goes', () => {
    const both = { ...wanted, routes: ['10.100.0.0/16', '10.101.0.0/16'] }
    const commands = (link: WantedLink, actual: LinkState): string[] =>
      planLink('plexd0', link, actual).map(({ command }) => command)
    const routed = { ...asWanted, routes: both.routes }

    assert.deepEqual(commands(both, asWanted), [
      'route replace 10.101.0.0/16 dev plexd0 table 8293',
    ])
    assert.deepEqual(commands(both, routed), [])
    assert.deepEqual(commands(wanted, routed), ['route delete 10.101.0.0/16 dev plexd0 table 8293'])
  })

  it('says what somebody has changed', () => {
    const changed = { ...asWanted, addresses: ['192.0.2.1/24'], routes: [] }

    const details = planLink('plexd0', wanted, changed).map(({ detail }) => detail)

    assert.deepEqual(details, [
      'address 192.0.2.1/24 was there',
      'address 10.100.1.2/32 was missing',
      'route 10.100.0.0/16 was missing',
    ])
  })

  it('names the setting for another MTU', () => {
    const [repair] = planLink('plexd0', wanted, { ...asWanted, mtu: 1280 })

    assert.equal(
      repair?.detail,
      'MTU was 1280 instead of 1420: to have another, set "mesh.mtu" in the config',
    )
  })

  it('takes away a route of another range, and one in the table that all programs use', () => {
    const old = {
      ...asWanted,
      routes: ['10.100.0.0/16', '10.99.0.0/16'],
      mainRoutes: ['10.100.0.0/16', '10.7.0.0/24'],
    }

    assert.deepEqual(
      planLink('plexd0', wanted, old).map(({ command }) => command),
      [
        'route delete 10.99.0.0/16 dev plexd0 table 8293',
        'route delete 10.100.0.0/16 dev plexd0 table main',
      ],
    )
  })
})
