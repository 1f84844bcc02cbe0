import assert from 'node:assert/strict'
import { it } from 'node:test'
import { reasonToLeaveOut } from './left-out.ts'

const rules = {
  keys: [],
  types: [],
  ownPid: 100,
  ownProgram: '/usr/bin/plexd',
  isOwnProcess: (pid: number) => pid === 7,
}
const event = { types: ['SYSCALL'], keys: ['books'], pid: 5, parentPid: 4, program: '/usr/bin/cat' }

it('leaves out what plexd does itself, and not what its hooks and sessions do', () => {
  const why = (change: Partial<typeof event>) => reasonToLeaveOut({ ...event, ...change }, rules)
  assert.equal(why({}), undefined)
  assert.equal(why({ pid: 100 }), 'own')
  assert.equal(why({ parentPid: 100, program: '/usr/sbin/nft' }), 'own')
  assert.equal(why({ parentPid: 100, program: '/usr/bin/plexd' }), 'own')
  assert.equal(why({ parentPid: 100, program: '/usr/bin/dash' }), undefined)
  assert.equal(why({ parentPid: 4, program: '/usr/sbin/nft' }), undefined)
  assert.equal(why({ pid: 7, program: 'nft' }), 'own')
})

it('leaves out what has no key and no type that was asked for', () => {
  const why = (asked: { keys?: string[]; types?: string[] }) =>
    reasonToLeaveOut(event, { ...rules, ...asked })
  assert.equal(why({ keys: ['books', 'x'] }), undefined)
  assert.equal(why({ keys: ['x'] }), 'filtered')
  assert.equal(why({ types: ['USER_LOGIN'] }), 'filtered')
  const torn = { ...event, types: ['PATH', 'PROCTITLE'], keys: [] }
  assert.equal(reasonToLeaveOut(torn, { ...rules, keys: ['x'] }), undefined)
  assert.equal(why({ keys: ['books'], types: ['SYSCALL'] }), undefined)
})
