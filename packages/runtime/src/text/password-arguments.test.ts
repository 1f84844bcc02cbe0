import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { redact } from './redact.ts'

/** Commands with the place of the password, which is `@`. */
const commands: readonly (readonly [before: string, option: string, password: string])[] = [
  ['mysql -h db -u root', '-p@', ''],
  ['mysqldump --all-databases', '-p@', 'shop'],
  ['mariadb-admin -u root', '-p@', 'status'],
  ['sshpass', '-p @', 'ssh web-01'],
  ['sshpass', '-p@', 'ssh web-01'],
  ['mongodump -u backup', '-p @', '--out /srv'],
  ['docker login -u me', '-p @', 'registry.example.com'],
  ['redis-cli -h cache', '-a @', 'ping'],
  ['ldapsearch -x -D cn=admin', '-w @', '-b dc=example'],
  ['ldapsearch -D cn=admin', '-xw @', '-b dc=example'],
  ['ipmitool -H bmc -U admin', '-P @', 'power status'],
  ['unzip', '-P @', 'a.zip'],
  ['7z x', '-p@', 'a.7z'],
  ['curl -s', '-u me:@', 'https://example.com/'],
  ['curl', '-sSu me:@', 'https://example.com/'],
  ['curl -fsS', '--user me:@', 'https://example.com/'],
  ['curl', '--user=me:@', 'https://example.com/'],
  ['curl -x proxy:3128', '-U me:@', 'https://example.com/'],
  ['curl --proxy-user me:one -o out', '-u me:@', 'https://example.com/'],
]

/** How a command is written where it is logged. */
const writings: Readonly<Record<string, (words: readonly string[]) => string>> = {
  'as it is typed': (words) => words.join(' '),
  'with quotes': (words) =>
    words.map((word) => (/[:%!]/.test(word) ? `'${word}'` : word)).join(' '),
  'with double quotes': (words) => words.map((word) => `"${word}"`).join(' '),
  'as a list in JSON': (words) => JSON.stringify(words),
  'in a text of JSON': (words) => JSON.stringify({ msg: `ran "${words.join('" "')}"` }),
  'by the audit of the kernel': (words) => words.map((word, at) => `a${at}="${word}"`).join(' '),
}

describe('passwords in arguments', () => {
  for (const [how, write] of Object.entries(writings))
    it(`are taken out of a command ${how}, and the rest stays`, () => {
      for (const [before, option, after] of commands) {
        const secret = `${randomBytes(6).toString('hex')}%!`
        const words = `${before} ${option.replace('@', secret)} ${after}`.trim().split(' ')
        const text = redact(`sh[12]: ${write(words)}`)
        assert.ok(!text.includes(secret.slice(0, 12)), text)
        assert.ok(text.includes('[redacted]'), text)
        for (const word of [...before.split(' '), ...after.split(' ')])
          if (!word.includes(':one')) assert.ok(text.includes(word), `${word}: ${text}`)
      }
    })

  it('are none behind options that mean something else', () => {
    for (const plain of [
      ...[
        'mysql -u root -p shop',
        'mysql -P 3306 -h db',
        'mkdir -p /srv/shop',
        'ssh -p2222 web-01',
      ],
      ...[
        'docker run -p 80:80 nginx',
        'curl -u me https://example.com/',
        'curl -XPUT http://db:80/',
      ],
      ...['cp -pr a b; mysql', 'mysql shop | less -pword', 'sshpass -e ssh web-01', 'ps -u me:x'],
    ])
      assert.equal(redact(plain), plain)
  })

  it('are looked for in time that grows with the text', () => {
    const start = process.cpuUsage()
    for (const text of ['mysql ', ' -px', 'curl -u a:', ' -u ', ' -pa=', 'zip -P ', '-uuu'])
      redact(`mysql curl ${text.repeat(16_384 / text.length)}`)
    const { user } = process.cpuUsage(start)
    assert.ok(user < 2_000_000, `${user} µs`)
  })
})
