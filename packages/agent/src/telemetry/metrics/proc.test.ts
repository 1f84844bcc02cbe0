import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import {
  countCpus,
  cpuPercent,
  parseCpuTimes,
  parseLoad,
  parseMemory,
  parseTraffic,
  parseUptime,
} from './proc.ts'

describe('what /proc says', () => {
  it('is read from this machine', async () => {
    const [stat, meminfo, load, dev, uptime] = await Promise.all(
      ['stat', 'meminfo', 'loadavg', 'net/dev', 'uptime'].map((path) =>
        readFile(`/proc/${path}`, 'utf8'),
      ),
    )
    const times = parseCpuTimes(stat ?? '')
    assert.ok(times && times.total > times.busy && times.busy > 0)
    assert.ok(countCpus(stat ?? '') >= 1)
    const memory = parseMemory(meminfo ?? '')
    assert.ok(memory && memory.memory_total > memory.memory_used && memory.memory_used > 0)
    assert.equal(parseLoad(load ?? '')?.length, 3)
    assert.ok(parseTraffic(dev ?? '').has('lo'))
    assert.ok((parseUptime(uptime ?? '') ?? 0) > 0)
  })

  it('counts the CPU time of guests once, and waiting for a disk as idle', () => {
    const times = parseCpuTimes('cpu  10 1 5 80 4 2 1 1 7 1\ncpu0 10 1 5 80 4 2 1 1 7 1\n')
    assert.deepEqual(times, { busy: 20, total: 104 })
  })

  it('gives a share only of time that has passed', () => {
    assert.equal(cpuPercent({ busy: 10, total: 100 }, { busy: 35, total: 200 }), 25)
    assert.equal(cpuPercent({ busy: 10, total: 100 }, { busy: 10, total: 100 }), undefined)
    assert.equal(cpuPercent({ busy: 10, total: 100 }, { busy: 5, total: 90 }), undefined)
  })

  it('counts what came and went by each interface', () => {
    const traffic = parseTraffic(`Inter-|   Receive                  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0
br-a.7:18446744073709551615 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
`)
    assert.deepEqual(traffic.get('lo'), { rx_bytes: 100, tx_bytes: 100 })
    assert.deepEqual(traffic.get('br-a.7'), { rx_bytes: 2 ** 64, tx_bytes: 7 })
  })

  it('is nothing where it says nothing', () => {
    for (const text of ['', 'cpu', 'x\n', 'MemTotal: 5 kB\n']) {
      assert.equal(parseCpuTimes(text), undefined)
      assert.equal(parseMemory(text), undefined)
      assert.equal(parseLoad(text), undefined)
      assert.equal(parseUptime(text), undefined)
    }
    assert.equal(parseTraffic('Inter-| x\n eth0\n').size, 0)
  })
})
