/** What the reference is made from. */
export { settingRows } from './connection/flags.ts'
