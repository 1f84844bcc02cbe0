import { setting } from './setting.ts'
import { count, duration, flag, longestSilenceMs, mappings, path } from './values.ts'

/** What operators may have run here: actions, and the hooks among them. */
export const actionSettings = {
  actionsEnabled: setting(true, flag, {
    keys: ['actions.enabled'],
    env: 'PLEXD_ACTIONS_ENABLED',
    help: 'run actions that operators ask for',
  }),
  maxConcurrentActions: setting(5, count(1, 1_000), {
    keys: ['actions.max_concurrent', 'actions.maxconcurrent'],
    env: 'PLEXD_ACTIONS_MAX_CONCURRENT',
    reloads: true,
    help: 'how many of them at a time',
  }),
  maxActionMs: setting(10 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['actions.max_timeout', 'actions.maxactiontimeout'],
    reloads: true,
    help: 'no action runs longer, whatever a request asks for',
  }),
  hooksEnabled: setting(true, flag, {
    keys: ['hooks.enabled'],
    env: 'PLEXD_HOOKS_ENABLED',
    help: "offer this machine's own hooks as actions too",
  }),
  hooksDir: setting('/etc/plexd/hooks.d', path, {
    keys: ['hooks.dir', 'actions.hooksdir', 'integrity.hooksdir'],
    env: 'PLEXD_HOOKS_DIR',
    flag: '--hooks-dir <dir>',
    help: 'the folder with the hooks: every executable file in it is one',
  }),
  hookDefinitions: setting<readonly Readonly<Record<string, unknown>>[]>([], mappings, {
    keys: ['hooks.definitions'],
    help: 'a list of hooks with what is declared of each, in place of a file beside it; docs/guides/hooks.md has the fields',
  }),
  hooksCheckMs: setting(5 * 60_000, duration(1_000), {
    keys: ['hooks.verify_interval', 'integrity.verifyinterval'],
    help: 'how often the files of hooks are looked at, beside whenever one changes',
  }),
}
