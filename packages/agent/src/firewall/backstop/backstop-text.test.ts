import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planBackstop } from './backstop-text.ts'

const place = { interface: 'plexd0', meshIp: '10.100.1.2' }

describe('planBackstop', () => {
  it('drops what our table did not mark, and lets nobody else meet the mark', () => {
    const plan = planBackstop(place)
    assert.equal(
      plan.line.replaceAll(plan.table, 'T').replaceAll('; add ', ';\nadd '),
      `add table inet T { flags owner; };
add chain inet T before_input { type filter hook input priority -1; policy accept; };
add rule inet T before_input iifname "plexd0" meta mark set mark and 0xffffefff;
add chain inet T behind_input { type filter hook input priority 1; policy accept; };
add rule inet T behind_input iifname != { "lo", "plexd0" } ct direction original ct original ip daddr 10.100.1.2 counter drop;
add rule inet T behind_input iifname != { "lo", "plexd0" } ct state invalid,untracked ip daddr 10.100.1.2 counter drop;
add rule inet T behind_input iifname "plexd0" mark and 0x1000 == 0 counter drop;
add rule inet T behind_input iifname "plexd0" meta mark set mark and 0xffffefff;
add chain inet T before_forward { type filter hook forward priority -1; policy accept; };
add rule inet T before_forward iifname "plexd0" meta mark set mark and 0xffffefff;
add rule inet T before_forward oifname "plexd0" meta mark set mark and 0xffffefff;
add chain inet T behind_forward { type filter hook forward priority 1; policy accept; };
add rule inet T behind_forward iifname != { "lo", "plexd0" } ct direction original ct original ip daddr 10.100.1.2 counter drop;
add rule inet T behind_forward iifname != { "lo", "plexd0" } ct state invalid,untracked ip daddr 10.100.1.2 counter drop;
add rule inet T behind_forward iifname "plexd0" mark and 0x1000 == 0 counter drop;
add rule inet T behind_forward oifname "plexd0" mark and 0x1000 == 0 counter drop;
add rule inet T behind_forward iifname "plexd0" meta mark set mark and 0xffffefff;
add rule inet T behind_forward oifname "plexd0" meta mark set mark and 0xffffefff;
add chain inet T before_output { type filter hook output priority -1; policy accept; };
add rule inet T before_output oifname "plexd0" meta mark set mark and 0xffffefff;
add chain inet T behind_output { type filter hook output priority 1; policy accept; };
add rule inet T behind_output oifname "plexd0" mark and 0x1000 == 0 counter drop;
add rule inet T behind_output oifname "plexd0" meta mark set mark and 0xffffefff`,
    )
  })

  it('has another table for another interface or address, so that two may stand side by side', () => {
    const others = [
      place,
      { ...place, interface: 'wg7' },
      { ...place, meshIp: '10.100.1.3' },
      { ...place, meshIp: undefined },
    ]
    assert.equal(new Set(others.map((other) => planBackstop(other).table)).size, others.length)
    assert.equal(planBackstop({ ...place }).table, planBackstop(place).table)
  })
})
