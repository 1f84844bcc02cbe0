import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { secretValues } from './secret-values.ts'

describe('secretValues', () => {
  it('knows secrets by their names, however those are written', () => {
    for (const name of ['DB_PASS', 'PGPASSWORD', 'MYSQL_PWD', 'APIKEY', 'accessToken', 'api.key'])
      assert.deepEqual(secretValues({ [name]: 'canary' }), ['canary'], name)
    assert.deepEqual(secretValues({ hooks: [{ env: { ANY: 'canary' } }] }), ['canary'])
    assert.deepEqual(secretValues({ key: '/ab+c/de=' }), ['/ab+c/de='])
  })

  it('knows the passwords of addresses, whatever is in them', () => {
    for (const [text, secret] of [
      ['http://user:p@canary@proxy:3128', 'p@canary'],
      ['user:canary@proxy:3128', 'canary'],
      ['socks5://canary@proxy', 'canary'],
      ['to https://:c%61nary@h, too', 'canary'],
    ] as const)
      assert.ok(secretValues({ HTTPS_PROXY: text }).includes(secret), text)
  })

  it('takes nothing else for one', () => {
    const plain = {
      PWD: '/srv/data',
      token_file: '/etc/t',
      compass: 'n',
      monkey: 'b',
      url: 'https://h/',
    }
    assert.deepEqual(secretValues(plain), [])
  })
})
