import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../programs/build.ts'
import type { BundledPackage } from './bundled-package.ts'
import type { NodePackage } from './node-package.ts'

/** One text with the licences of a program and of everything in it. Throws if one of a package is missing. */
export function licences(packages: readonly BundledPackage[], node: NodePackage): string {
  const nodeTexts = textsIn(node.folder, `Node.js ${node.version}`)
  return [
    section('plexd', 'Apache-2.0', [readFileSync(join(root, 'LICENSE'), 'utf8')]),
    'The programs of plexd contain the software below, under the licences that follow its names.\n',
    ...packages.map((one) => section(titleOf(one), one.licence, textsOf(one))),
    section(`Node.js ${node.version}, with what it contains`, 'MIT and others', nodeTexts),
  ].join('\n')
}

function section(title: string, licence: string, texts: readonly string[]): string {
  const line = '='.repeat(80)
  const head = licence === '' ? title : `${title} (${licence})`
  const bodies = texts.map((text) => `${text.replace(/\r\n/g, '\n').trim()}\n`)
  return `${line}\n${head}\n${line}\n\n${bodies.join('\n')}`
}

function titleOf({ name, version }: BundledPackage): string {
  return `${name} ${version}`
}

function textsOf(one: BundledPackage): string[] {
  const given = join(import.meta.dirname, 'licence-texts', `${one.name.replace('/', '+')}.txt`)
  if (existsSync(given)) return [readFileSync(given, 'utf8')]
  return textsIn(one.folder, titleOf(one))
}

function textsIn(folder: string, title: string): string[] {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
  if (!names.some((name) => !/^notice/i.test(name)))
    throw new Error(
      `collect the licence of ${title}: there is no licence text in "${folder}": put it into scripts/build/licence-texts, or leave the package out`,
    )
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8'))
}
