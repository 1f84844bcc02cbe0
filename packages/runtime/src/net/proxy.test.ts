import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { proxyFor, showProxy } from './proxy.ts'

const proxy = 'http://proxy.example:3128'
const url = 'https://control.corp.example:8443/prefix'

describe('proxyFor', () => {
  it('is for HTTPS, and goes by small letters first', () => {
    assert.equal(proxyFor(url, { HTTPS_PROXY: proxy }), proxy)
    assert.equal(proxyFor(url, { HTTPS_PROXY: 'http://other:1', https_proxy: proxy }), proxy)
    assert.equal(proxyFor(url, { HTTP_PROXY: proxy }), undefined)
    assert.equal(proxyFor(url, {}), undefined)
    assert.equal(proxyFor(url, { HTTPS_PROXY: 'proxy.example:3128' }), proxy)
  })

  it('asks nobody for loopback and for Unix sockets', () => {
    for (const own of [
      'https://127.0.0.1:1',
      'https://localhost',
      'https://[::1]:1',
      'unix:///run/x',
    ])
      assert.equal(proxyFor(own, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy }), undefined, own)
  })

  for (const [list, host, isExempt] of [
    ['*', 'control.example', true],
    ['control.example', 'control.example', true],
    ['other, Control.Example', 'control.example', true],
    ['example', 'control.example', true],
    ['.example', 'control.example', true],
    ['*.example', 'control.example', true],
    ['ample', 'control.example', false],
    ['control.example:8443', 'control.example', true],
    ['control.example:443', 'control.example', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.0/24', '192.0.2.1', true],
    ['192.0.3.0/24', '192.0.2.1', false],
    ['2001:db8::/32', '[2001:db8::1]', true],
    ['2001:db8::1', '[2001:db8::1]', true],
    ['[2001:db8::1]:8443', '[2001:db8::1]', true],
    ['192.0.2.0/99', '192.0.2.1', false],
    ['192.0.2.0/', '198.51.100.1', false],
    ['192.0.2.0/-1', '192.0.2.1', false],
    ['192.0.2.0/1.5', '192.0.2.1', false],
    ['', 'control.example', false],
  ] as const)
    it(`asks for ${host} ${isExempt ? 'directly' : 'by the proxy'} with NO_PROXY="${list}"`, () => {
      const env = { HTTPS_PROXY: proxy, NO_PROXY: list }
      assert.equal(proxyFor(`https://${host}:8443`, env), isExempt ? undefined : proxy)
    })

  it('refuses a proxy that it cannot speak with, without what it is used by', () => {
    const use = () => proxyFor(url, { HTTPS_PROXY: 'socks5://user:secret@proxy:1080' })
    assert.throws(
      use,
      /use proxy "socks5:\/\/\*\*\*@proxy:1080" .* only http:\/\/ and https:\/\/ can be/,
    )
  })
})

it('says what it wants where a proxy is none, and shows nothing of it: it may hold a password', () => {
  assert.throws(() => proxyFor(url, { HTTPS_PROXY: 'user:secret:host' }), {
    message:
      'use proxy of the environment: it is no URL: want http://[user:password@]HOST:PORT in HTTPS_PROXY',
  })
})

describe('showProxy', () => {
  it('hides who uses it', () => {
    assert.equal(
      showProxy('http://user:secret@proxy.example:3128/'),
      'http://***@proxy.example:3128',
    )
    assert.equal(showProxy(proxy), proxy)
  })
})
