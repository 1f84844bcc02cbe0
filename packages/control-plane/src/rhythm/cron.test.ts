import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkRhythm, lastDue, nextDue } from './cron.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const check = (cron: string, time_zone = 'UTC') => checkRhythm({ cron, time_zone }, nowMs)

/** The first times after a moment. */
function times(cron: string, time_zone: string, after: string, count: number): string[] {
  const found: string[] = []
  for (let at = Date.parse(after); found.length < count; ) {
    at = nextDue({ cron, time_zone }, at) ?? Number.NaN
    found.push(new Date(at).toISOString().replace(':00.000Z', 'Z'))
  }
  return found
}

describe('nextDue', () => {
  for (const { when, cron, zone, after, due } of [
    {
      when: 'an hour is left out: what is due in it comes once, when it is over',
      cron: '30 2 * * *',
      zone: 'America/New_York',
      after: '2025-03-08T12:00Z',
      due: ['2025-03-09T07:00Z', '2025-03-10T06:30Z', '2025-03-11T06:30Z'],
    },
    {
      when: 'an hour is left out, and the next is meant too: they are one time',
      cron: '0 2,3 * * *',
      zone: 'America/New_York',
      after: '2025-03-08T12:00Z',
      due: ['2025-03-09T07:00Z', '2025-03-10T06:00Z', '2025-03-10T07:00Z'],
    },
    {
      when: 'an hour comes twice: what is due in it comes the first time',
      cron: '30 1 * * *',
      zone: 'America/New_York',
      after: '2025-11-01T12:00Z',
      due: ['2025-11-02T05:30Z', '2025-11-03T06:30Z'],
    },
    {
      when: 'an hour comes twice: what is due every hour comes every hour',
      cron: '0 * * * *',
      zone: 'Europe/Berlin',
      after: '2025-10-25T23:30Z',
      due: ['2025-10-26T00:00Z', '2025-10-26T01:00Z', '2025-10-26T02:00Z'],
    },
    {
      when: 'an hour is left out: what is due every 20 minutes goes on',
      cron: '*/20 * * * *',
      zone: 'Europe/Berlin',
      after: '2025-03-30T00:30Z',
      due: ['2025-03-30T00:40Z', '2025-03-30T01:00Z', '2025-03-30T01:20Z'],
    },
    {
      when: 'half an hour comes twice',
      cron: '45 1 * * *',
      zone: 'Australia/Lord_Howe',
      after: '2025-04-05T00:00Z',
      due: ['2025-04-05T14:45Z', '2025-04-06T15:15Z'],
    },
    {
      when: 'a day has no midnight',
      cron: '@daily',
      zone: 'America/Sao_Paulo',
      after: '2018-11-03T12:00Z',
      due: ['2018-11-04T03:00Z', '2018-11-05T02:00Z'],
    },
    {
      when: 'a whole day is left out',
      cron: '0 12 * * *',
      zone: 'Pacific/Apia',
      after: '2011-12-29T12:00Z',
      due: ['2011-12-29T22:00Z', '2011-12-30T22:00Z', '2011-12-31T22:00Z'],
    },
    {
      when: 'the day of the month and that of the week are given: either will do, as in cron',
      cron: '0 0 1 * mon',
      zone: 'UTC',
      after: '2025-01-28T00:00Z',
      due: ['2025-02-01T00:00Z', '2025-02-03T00:00Z'],
    },
    {
      when: 'a year has no such day',
      cron: '0 0 29 2 *',
      zone: 'UTC',
      after: '2025-01-01T00:00Z',
      due: ['2028-02-29T00:00Z'],
    },
  ])
    it(`is right when ${when}`, () => assert.deepEqual(times(cron, zone, after, due.length), due))
})

describe('lastDue', () => {
  it('is the moment itself when it is due then, and otherwise the one before', () => {
    const rhythm = { cron: '*/30 * * * *', time_zone: 'UTC' }
    for (const [until, due] of [
      ['10:30:00.000', '10:30'],
      ['10:30:00.001', '10:30'],
      ['10:59:59.999', '10:30'],
      ['11:00:30.000', '11:00'],
    ])
      assert.equal(
        lastDue(rhythm, Date.parse(`2025-01-15T${until}Z`)),
        Date.parse(`2025-01-15T${due}Z`),
      )
  })
})

describe('checkRhythm', () => {
  it('takes five fields, names of days and months, and words', () => {
    for (const cron of [
      '0 0 * * *',
      '*/5 8-18 * jan-mar mon-fri',
      '0 0 * * 7',
      ' @daily ',
      '@HOURLY',
    ])
      check(cron)
    check('0 0 * * *', 'Europe/Berlin')
  })

  for (const { cron, why } of [
    { cron: '0 0 * *', why: 'it has 4 fields' },
    { cron: '0 0 0 * * *', why: 'it has 6 fields' },
    { cron: '', why: 'it has one field' },
    { cron: '@reboot', why: 'it has one field' },
    { cron: '2025-01-01T00:00:00', why: 'it has one field' },
    { cron: '60 0 * * *', why: 'Invalid value for minute: 60' },
    { cron: '0 24 * * *', why: 'Invalid value for hour: 24' },
    { cron: '0 22-2 * * *', why: "From value is larger than to value: '22-2'" },
    { cron: '*/0 * * * *', why: 'Syntax error, illegal stepping: 0' },
    { cron: '0 0 30 2 *', why: 'no such day ever comes' },
  ])
    it(`refuses "${cron}" with the reason, and says what it wants`, () =>
      assert.throws(() => check(cron), {
        code: 'bad_request',
        message: `cron "${cron}": ${why}: want minute, hour, day of month, month and day of week, such as "30 3 * * mon-fri", or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
      }))

  for (const zone of ['Mars/Olympus', '+02:00', '', 'local', '../etc'])
    it(`refuses the time zone "${zone}"`, () =>
      assert.throws(() => check('@daily', zone), {
        code: 'bad_request',
        message: `time_zone "${zone}": want a name of the IANA database, such as "Europe/Berlin" or "UTC"`,
      }))
})
