/** What a package does when it is installed and removed, for either package manager. */
import type { PackageRow } from './package-row.ts'
import { source } from './rows.ts'

/** Parts of shell scripts, in deploy/packages; `after-install` finds yes or no in `$upgrade`. */
const steps = ['after-install', 'before-remove', 'after-remove', 'forget', 'purge'] as const
type Step = (typeof steps)[number]

/** With what steps of both packages call. */
const begin = `set -e\n${source('functions.sh')}`
const head = `#!/bin/sh\n${begin}`

/** By the arguments that dpkg gives them (Debian Policy 6.5). */
export function debScripts(row: PackageRow): Readonly<Record<string, string>> {
  const step = (name: Step): string => indented(stepOf(row, name))
  return {
    postinst: `${head}if [ "$1" = configure ]; then
  upgrade=no
  if [ -n "$2" ]; then upgrade=yes; fi
${step('after-install')}fi
`,
    prerm: `${head}if [ "$1" = remove ]; then
${step('before-remove')}fi
`,
    postrm: `${head}if [ "$1" = remove ]; then
${step('after-remove')}fi
if [ "$1" = purge ]; then
${step('forget')}${step('purge')}fi
`,
  }
}

/** By the number of versions that are there afterwards, which rpm gives them. It knows no purge. */
export function rpmScripts(row: PackageRow): Readonly<Record<string, string>> {
  const step = (name: Step): string => indented(stepOf(row, name))
  const scripts = {
    post: `${begin}upgrade=no
if [ "$1" -gt 1 ]; then upgrade=yes; fi
${stepOf(row, 'after-install')}`,
    preun: `${begin}if [ "$1" = 0 ]; then
${step('before-remove')}fi
`,
    postun: `${begin}if [ "$1" = 0 ]; then
${step('forget')}${step('after-remove')}fi
`,
  }
  // It would take a "%" for the beginning of a macro.
  return Object.fromEntries(
    Object.entries(scripts).map(([name, text]) => [name, text.replaceAll('%', '%%')]),
  )
}

function stepOf({ name }: PackageRow, step: Step): string {
  return source(`${name}/${step}.sh`)
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
