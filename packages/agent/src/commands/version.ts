import { version } from '../version.ts'

export function printVersion(json: boolean): void {
  const facts = {
    version,
    node: process.versions.node,
    platform: `${process.platform}/${process.arch}`,
  }
  process.stdout.write(
    json
      ? `${JSON.stringify(facts, null, 2)}\n`
      : `plexd version ${version}\nnode: ${facts.node}\nplatform: ${facts.platform}\n`,
  )
}
