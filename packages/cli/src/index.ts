/** What the reference and the packages are made from. */

export { completionScripts } from './commands/setup/complete.ts'
export { elsewhere } from './commands/setup/elsewhere.ts'
export { settingRows } from './connection/flags.ts'
export { createProgram } from './program.ts'
export { systemIo } from './terminal/io.ts'
