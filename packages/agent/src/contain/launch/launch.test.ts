import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Launch, launchCommand } from './launch.ts'

const launch: Launch = {
  name: '1-2-3',
  program: '/etc/hook',
  args: ['a b'],
  env: { PATH: '/bin', PLEXD_PARAM_X: 'secret' },
  cwd: '/',
  user: undefined,
  sandbox: { kind: 'none', network: false, writable: [] },
  groups: ['/cg/a', '/cg/b'],
  prlimits: [],
  fence: 'cgroup',
  mounts: [],
  ulimits: [],
}

/** Behind the script by which it enters the groups. */
function commandOf(changes: Partial<Launch>): string {
  return launchCommand({ ...launch, ...changes }, (tool) => `/bin/${tool}`)
    .slice(4)
    .join(' ')
}

const env = '/bin/env --unset=PWD --unset=OLDPWD --unset=SHLVL --unset=_ -- /etc/hook a b'

describe('launchCommand', () => {
  it('enters the groups and becomes the program', () => {
    assert.equal(commandOf({}), `/cg/a /cg/b -- ${env}`)
  })

  it('becomes the user last, and limits itself first', () => {
    const user = { uid: 5, gid: 6, name: 'web', groups: [6, 7], home: '/' }
    assert.equal(
      commandOf({ user, groups: [], fence: 'session', prlimits: ['--nproc=3'] }),
      `-- /bin/prlimit --nproc=3 -- /bin/setpriv --pdeathsig=KILL -- /bin/setpriv --reuid=+5 --regid=+6 --groups=+6,+7 --inh-caps=-all -- ${env}`,
    )
  })

  it('gives a container the names of variables, whose values nobody else can read', () => {
    const sandbox = { ...launch.sandbox, kind: 'container', image: 'debian:12' } as const
    const mounts = [
      { path: '/srv/a,b', kind: 'writable' },
      { path: '/srv/a,b/plexd', kind: 'empty' },
    ] as const
    const command = commandOf({
      sandbox: { ...sandbox, files: ['/etc/hook'] },
      mounts,
      prlimits: ['--nproc=3'],
      ulimits: ['nproc=3:3'],
    })
    assert.match(
      command,
      /^\/cg\/a \/cg\/b -- \/bin\/podman run --rm --read-only --cgroups=disabled /,
    )
    assert.match(
      command,
      / --name=plexd-1-2-3 --network=none --ulimit=nproc=3:3 .* --unsetenv-all .*--env PLEXD_PARAM_X /,
    )
    assert.match(
      command,
      / --mount="type=bind","source=\/srv\/a,b","destination=\/srv\/a,b","readonly=false" --mount="type=tmpfs","destination=\/srv\/a,b\/plexd","notmpcopyup" --mount="type=bind","source=\/etc\/hook","destination=\/etc\/hook","readonly=true" /,
    )
    assert.match(command, / --entrypoint=\/etc\/hook debian:12 a b$/)
    assert.doesNotMatch(command, /secret/)
  })

  it('shows the program in namespaces, whatever is mounted there', () => {
    const sandbox = { kind: 'namespaced', network: false, writable: [] } as const
    const command = commandOf({
      sandbox,
      mounts: [
        { path: '/srv', kind: 'writable' },
        { path: '/var/lib/plexd', kind: 'empty' },
      ],
    })
    assert.match(
      command,
      / --unshare-net .*--ro-bind \/ \/ --bind \/srv \/srv --tmpfs \/var\/lib\/plexd --dir \/etc --ro-bind \/etc\/hook \/etc\/hook --chdir \/ -- \/bin\/env /,
    )
  })
})
