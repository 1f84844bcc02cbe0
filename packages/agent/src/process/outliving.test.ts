import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isInService } from './outliving.ts'

it('knows whether systemd would end with the service what the daemon leaves running', () => {
  for (const [cgroups, expected] of [
    ['0::/system.slice/plexd.service\n', true],
    ['0::/system.slice/plexd.service/main\n', true],
    ['4:memory:/a\n1:name=systemd:/system.slice/plexd.service\n0::/\n', true],
    ['4:memory:/system.slice/plexd.service\n0::/user.slice/user-0.slice/session-1.scope\n', false],
    ['0::/user.slice/user-0.slice/user@0.service/app.slice/a.scope\n', false],
    ['0::/\n', false],
    ['', false],
  ] as const)
    assert.equal(isInService(cgroups), expected, cgroups)
})
