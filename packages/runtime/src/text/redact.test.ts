import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { redact } from './redact.ts'

describe('redact', () => {
  it('takes out every secret it is told of, however it is written', () => {
    for (let turn = 0; turn < 100; turn++) {
      const secret = `${randomBytes(24).toString('base64')}"\\`
      const forms = [secret, JSON.stringify({ x: secret }), encodeURIComponent(secret)]
      const text = redact(`before ${forms.join(' and ')} after`, [secret])
      for (const form of forms.map((each) => each.replaceAll(/[{}x:"]/g, '')))
        assert.ok(!text.includes(form), text)
      assert.match(text, /^before .* after$/)
    }
  })

  it('takes out the longer of two of which one contains the other', () => {
    assert.equal(redact('x abcdefghij y', ['abcdef', 'abcdefghij']), 'x [redacted] y')
  })

  it('takes out what looks like a secret', () => {
    const samples: [string, string][] = [
      ['token plx_enroll_0123abc is', 'token plx_enroll_[redacted] is'],
      ['https://user:pass@host/x', 'https://[redacted]@host/x'],
      ['socks5://key@host', 'socks5://[redacted]@host'],
      ['Authorization: Bearer abcdef123', 'Authorization: Bearer [redacted]'],
      ['{"password":"p\\"q","user":"u"}', '{"password":"[redacted]","user":"u"}'],
      ['{"password":["p\\"q", "r]"],"user":"u"}', '{"password":"[redacted]","user":"u"}'],
      ['{"password": 12345678}', '{"password": "[redacted]"}'],
      ['join plexd-join-1.eyJ1cmwi-_0.0a1b2c3d now', 'join plexd-join-1.[redacted] now'],
      ['cut off: plexd-join-1.eyJ1cmwiOi', 'cut off: plexd-join-1.[redacted]'],
      ['{"msg":"{\\"api_key\\":\\"abc\\"}"}', '{"msg":"{\\"api_key\\":\\"[redacted]\\"}"}'],
      ['DB_PASSWORD=hunter2 next', 'DB_PASSWORD=[redacted] next'],
      ['http://user:p@ss@proxy:3128', 'http://[redacted]@proxy:3128'],
      ['X-Auth-Token: c4nary', 'X-Auth-Token: [redacted]'],
      ['Authorization: Token c4nary', 'Authorization: Token [redacted]'],
      ['{"msg":"password: c4nary"}', '{"msg":"password: [redacted]"}'],
      ["client_secret: 'two words'", 'client_secret: [redacted]'],
      ['password = "two words" next', 'password = [redacted] next'],
      ['run mysql --password canary -h db', 'run mysql --password [redacted] -h db'],
      ['DB_PASS=canary', 'DB_PASS=[redacted]'],
      ['Set-Cookie: sid=canary; Path=/', 'Set-Cookie: [redacted]'],
      ['got eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.dozjgNryP4J3 now', 'got [redacted] now'],
      ['node_secret_key = abc', 'node_secret_key = [redacted]'],
      [
        '-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n',
        '-----BEGIN EC PRIVATE KEY-----[redacted]\n',
      ],
    ]
    for (const [text, want] of samples) assert.equal(redact(text), want)
  })

  it('leaves everything else alone', () => {
    const plain = [
      '{"token_file":"/etc/plexd/bootstrap-token","public_key":"AAAA"}',
      'no bootstrap token: looked for the file',
      'mail someone@example.com about https://host/path@v1',
      '{"psks":3,"secrets":2}',
      '{"token":null,"secret":true,"psk":3,"password":[],"psk":["a",{}]}',
      'want plexd-join-1.',
      'read token: permission denied',
      'read token: /etc/plexd/bootstrap-token2: no such file',
      'compass=5 cwd=/srv/2 pwd: none',
      'docker run --token-file /etc/x1',
    ]
    for (const text of plain) assert.equal(redact(text, ['', 'a']), text)
  })
})
