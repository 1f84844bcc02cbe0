import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SingleFileOptions } from '../../../scripts/build/single-file.ts'
import { type ProgramName, root } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'
import { makeFolder } from './make-folder.ts'

/** The sources as they are now in another folder, as another machine would have them. */
export interface ProjectCopy extends AsyncDisposable {
  /** By the scripts of the copy; resolves to the file. */
  buildSingleFile(name: ProgramName, options: SingleFileOptions): Promise<string>
}

export async function copyProject(): Promise<ProjectCopy> {
  const folder = await makeFolder()
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    execFileSync('sh', ['-ec', copyScript, root, folder], { stdio: 'pipe' })
  } catch (error) {
    await remove()
    throw error
  }
  return {
    async buildSingleFile(name, options) {
      const script = [
        `const { buildSingleFile } = await import('${join(folder, 'scripts/build/single-file.ts')}')`,
        `const { file } = await buildSingleFile(${JSON.stringify(name)}, ${JSON.stringify(options)})`,
        'process.stdout.write(file)',
      ].join('\n')
      const args = ['--input-type=module', '--eval', script]
      const { code, stdout, stderr } = await runToEnd(process.execPath, args)
      if (code !== 0) throw new Error(`build ${name} in "${folder}": ${stderr}`)
      return stdout
    },
    [Symbol.asyncDispose]: remove,
  }
}

/** Links of files in node_modules are as good as copies; what was built before does not come along. */
const copyScript = `
root=$0 copy=$1
cd "$root"
cp -R --preserve=mode package.json package-lock.json tsconfig.json LICENSE packages scripts "$copy"
mkdir -p "$copy/node_modules" "$copy/tools"
take() { cp -al "$1" "$2" 2>/dev/null || { rm -rf "$2/\${1##*/}"; cp -a "$1" "$2"; }; }
for each in node_modules/* ; do take "$each" "$copy/node_modules"; done
take tools/node "$copy/tools"
`
