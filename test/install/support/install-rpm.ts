import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { runToEnd } from '../../../scripts/programs/program.ts'
import { unpackDebian } from './debian-image.ts'
import { orThrow } from './or-throw.ts'

/** Into a system in a folder, by the rpm of this machine, which finds what the package wants by the names of Fedora. */
export async function installRpm(from: string, root: string): Promise<void> {
  const run = (line: string): Promise<string> => orThrow(runToEnd('sh', ['-ec', line]), line)
  await unpackDebian(root)
  await run(`rpm --root '${root}' --initdb`)
  const wanted = (await run(`rpm -qp --requires '${from}'/plexd-[0-9]*.x86_64.rpm`)).split('\n')
  const provides = wanted.filter((name) => /^[a-z/]/.test(name) && !name.startsWith('rpmlib'))
  const spec = `Name: system\nVersion: 1\nRelease: 1\nSummary: s\nLicense: x\nBuildArch: noarch\n${provides.map((name) => `Provides: ${name}\n`).join('')}%description\ns\n%files\n`
  await writeFile(`${root}/tmp/system.spec`, spec)
  await run(`rpmbuild -bb --quiet --define '_topdir ${root}/tmp' '${root}/tmp/system.spec'`)
  await run(`rpm --root '${root}' -i '${root}/tmp/RPMS/noarch/system-1-1.noarch.rpm'`)
  await run(`sh '${from}/install.sh' --from '${from}' --as rpm --root '${root}'`)
  assert.match(await run(`chroot '${root}' /usr/bin/plexd version`), /^plexd version \d/)
  assert.match(
    await run(`rpm --root '${root}' -V plexd; grep ^plexd: '${root}/etc/group'`),
    /^plexd:/,
  )
}
