import { setting } from './setting.ts'
import { count, duration, longestSilenceMs, text } from './values.ts'

/** Which builds the node upgrades to, and what one has to show on trial. */
export const upgradeSettings = {
  upgradeKeys: setting<readonly string[]>([], releaseKeys, {
    keys: ['upgrade.keys'],
    wants: 'file',
    help: 'the release keys whose builds the node upgrades to, beside those that its own build has: files in PEM, or 32 bytes in base64; one or a list',
  }),
  upgradeDeadlineMs: setting(2 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['upgrade.deadline'],
    help: 'a new version that has not shown that it works by then is rolled back',
  }),
  upgradeSettleMs: setting(90_000, duration(0, longestSilenceMs), {
    keys: ['upgrade.settle'],
    help: 'how long a new version has to run at least before it counts as working; at most three quarters of the deadline',
  }),
  upgradeStarts: setting(3, count(1, 100), {
    keys: ['upgrade.starts'],
    help: 'a new version that ends this often before it counts as working is rolled back',
  }),
}

/** Absolute paths, and keys of 32 bytes in base64: one, or a list. */
function releaseKeys(value: unknown): readonly string[] {
  return [value].flat().map((item: unknown) => {
    const key = text(item)
    if (key.startsWith('/') || Buffer.from(key, 'base64').length === 32) return key
    throw new RangeError('want the absolute path of a file in PEM, or 32 bytes in base64')
  })
}
