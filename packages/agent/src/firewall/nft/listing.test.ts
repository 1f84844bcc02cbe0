import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { consistsOf, generationOf, parseListing, readSeal, sealName } from './listing.ts'

// As nft 1.0.6 prints it, but for -n, which makes numbers of some names.
const listing = `table inet plexd {
	map rules_4_0 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
		flags interval
		counter
		elements = { 10.100.1.3 . 10.100.1.2 . tcp . 22 counter comment "pol_web#0" : goto denied_4,
			     0.0.0.0/0 . 10.100.1.2 . icmp . 0-65535 counter comment "pol_ops#0" : accept }
	}

	chain denied_4 {
		counter drop comment "denied"
	}

	chain input {
		type filter hook input priority filter; policy accept;
		iifname "plexd0" jump decide_4
	}
}
`

describe('parseListing', () => {
  it('finds the objects of the table', () => {
    const { own, objects } = parseListing(listing)
    assert.deepEqual(own, [])
    assert.deepEqual(
      objects.map(({ kind, name }) => `${kind} ${name}`),
      ['map rules_4_0', 'chain denied_4', 'chain input'],
    )
    assert.match(objects[1]?.text ?? '', /^\tchain denied_4 \{\n\t\tcounter drop .*\n\t\}\n$/)
  })

  it('keeps what belongs to the table itself', () => {
    const asleep = listing.replace('{\n', '{\n\tflags dormant\n')
    assert.deepEqual(parseListing(asleep).own, ['\tflags dormant'])
  })
})

describe('consistsOf', () => {
  const sizes = new Map([
    ['rules_4_0', 2],
    ['denied_4', 1],
    ['input', 2],
  ])

  it('knows a table as it was written', () => {
    assert.equal(consistsOf(parseListing(listing), sizes), true)
  })

  for (const [what, change] of [
    ['a rule more', (text: string) => text.replace('\t\tiifname', '\t\taccept\n\t\tiifname')],
    ['a rule less', (text: string) => text.replace('\t\tcounter drop comment "denied"\n', '')],
    ['a chain without its hook', (text: string) => text.replace(/\t\ttype filter.*\n/, '')],
    ['an element less', (text: string) => text.replace(/,\n.*pol_ops#0" : accept/, '')],
    ['an object more', (text: string) => text.replace(/\}\n$/, '\n\tset x {\n\t}\n}\n')],
    ['a flag', (text: string) => text.replace('{\n', '{\n\tflags dormant\n')],
  ] as const)
    it(`notices ${what}`, () => {
      assert.equal(consistsOf(parseListing(change(listing)), sizes), false)
    })
})

describe('readSeal', () => {
  const sealed = (text: string): string => {
    const name = sealName('0123456789abcdef', parseListing(text))
    return text.replace(/\}\n$/, `\n\tchain ${name} {\n\t}\n}\n`)
  }

  it('tells which ruleset a sealed table holds', () => {
    assert.equal(readSeal(parseListing(sealed(listing))), '0123456789abcdef')
  })

  for (const [what, change] of [
    ['a rule', (text: string) => text.replace('counter drop', 'counter accept')],
    ['an element', (text: string) => text.replace('tcp . 22', 'tcp . 23')],
    ['a flag', (text: string) => text.replace('{\n', '{\n\tflags dormant\n')],
    ['an object', (text: string) => text.replace(/\}\n$/, '\n\tset x {\n\t}\n}\n')],
    ['a second seal', (text: string) => text.replace(/\}\n$/, '\n\tchain seal_0_0 {\n\t}\n}\n')],
    ['no seal at all', () => listing],
  ] as const)
    it(`does not believe the seal when ${what} differs`, () => {
      assert.equal(readSeal(parseListing(change(sealed(listing)))), undefined)
    })
})

describe('generationOf', () => {
  it('is the highest number in our names', () => {
    assert.equal(generationOf(parseListing(listing)), 4)
  })

  it('is 0 where no name is of ours', () => {
    const foreign =
      'table inet plexd {\n\tchain decide_99999999999999999999 {\n\t}\n\tset x_9 {\n\t}\n}\n'
    assert.equal(generationOf(parseListing(foreign)), 0)
  })
})
