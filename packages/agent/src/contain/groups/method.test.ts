import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readPlaces } from './cgroup-places.ts'
import { groupSettings, prlimitOptions } from './limits.ts'
import { type ContainFacts, chooseMethod, describeMethod } from './method.ts'

const all = new Set(['memory', 'pids', 'cpu'])
const version1 = new Map([
  ['memory', '/v1/memory/plexd'],
  ['pids', '/v1/pids/plexd'],
  ['cpu', '/v1/cpu/plexd'],
])
const nothing: ContainFacts = { byController: new Map(), pidNamespaces: false }
const limits = { memoryBytes: 1_000_000, pids: 20, cpuPercent: 50 }

describe('chooseMethod', () => {
  it('takes version 2 for everything where its controllers are', () => {
    const unified = { path: '/v2/plexd', hasKill: true, controllers: all }
    const method = chooseMethod({ ...nothing, unified, byController: version1 })
    assert.deepEqual(method.fence, { kind: 'cgroup', path: '/v2/plexd', kill: 'cgroup.kill' })
    assert.deepEqual(Object.fromEntries(groupSettings(limits, method.limits)), {
      '/v2/plexd': [
        { file: 'memory.max', value: '1000000' },
        { file: 'memory.swap.max', value: '0', isOptional: true },
        { file: 'memory.oom.group', value: '1', isOptional: true },
        { file: 'pids.max', value: '20' },
        { file: 'cpu.max', value: '50000 100000' },
      ],
    })
    assert.equal(describeMethod(method).isWhole, true)
  })

  it('ends by version 2 and limits by version 1 where that has the controllers', () => {
    const unified = { path: '/v2/plexd', hasKill: true, controllers: new Set(['hugetlb']) }
    const method = chooseMethod({ ...nothing, unified, byController: version1 })
    assert.equal(method.fence.kind === 'cgroup' && method.fence.kill, 'cgroup.kill')
    assert.deepEqual(Object.fromEntries(groupSettings(limits, method.limits)), {
      '/v1/memory/plexd': [
        { file: 'memory.limit_in_bytes', value: '1000000' },
        { file: 'memory.memsw.limit_in_bytes', value: '1000000', isOptional: true },
      ],
      '/v1/pids/plexd': [{ file: 'pids.max', value: '20' }],
      '/v1/cpu/plexd': [
        { file: 'cpu.cfs_period_us', value: '100000' },
        { file: 'cpu.cfs_quota_us', value: '50000' },
      ],
    })
  })

  it('ends by version 1 where there is no other, and on kernels without cgroup.kill', () => {
    const unified = { path: '/v2/plexd', hasKill: false, controllers: all }
    const killOf = (facts: Partial<ContainFacts>) => {
      const { fence } = chooseMethod({ ...nothing, ...facts })
      return fence.kind === 'cgroup' ? fence.kill : fence.kind
    }
    assert.equal(killOf({ byController: version1 }), 'pids.max')
    assert.equal(killOf({ byController: version1, unified }), 'pids.max')
    assert.equal(killOf({ unified }), 'cgroup.freeze')
    assert.equal(killOf({ pidNamespaces: true }), 'pid-namespace')
    assert.equal(killOf({}), 'session')
  })

  it('limits each process where there are no groups, and says what is not limited', () => {
    const method = chooseMethod({ ...nothing, pidNamespaces: true })
    assert.deepEqual(prlimitOptions(limits, method.limits), ['--data=1000000', '--nproc=20'])
    assert.deepEqual(describeMethod(method), {
      isWhole: false,
      text: 'there are no control groups, so each program has a PID namespace, with which all of its processes end; memory, processes limited for each process, not for all together (prlimit); CPU not limited',
    })
  })
})

describe('readPlaces', () => {
  it('finds both versions side by side', () => {
    const mountinfo = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
33 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
    const { unified, byController } = readPlaces(
      mountinfo,
      '4:memory:/app\n2:cpu,cpuacct:/\n0::/system.slice/plexd.service\n',
    )
    assert.deepEqual(unified, {
      mount: '/sys/fs/cgroup/unified',
      own: '/sys/fs/cgroup/unified/system.slice/plexd.service',
    })
    assert.equal(byController.get('memory')?.own, '/sys/fs/cgroup/memory/app')
    assert.equal(byController.get('cpu')?.own, '/sys/fs/cgroup/cpu,cpuacct')
  })

  it('stays in what a container is given', () => {
    const mountinfo = '41 31 0:38 /docker/a /mnt/c\\040g rw - cgroup2 cgroup2 rw\n'
    assert.equal(readPlaces(mountinfo, '0::/docker/a/x\n').unified?.own, '/mnt/c g/x')
    assert.equal(readPlaces(mountinfo, '0::/elsewhere\n').unified?.own, '/mnt/c g')
    assert.deepEqual(readPlaces('', ''), { byController: new Map() })
  })
})
