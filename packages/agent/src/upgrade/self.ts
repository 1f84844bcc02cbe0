import { sep } from 'node:path'
import { isSea } from 'node:sea'
import { version } from '../version.ts'

/** The program that runs. */
export interface Self {
  version: string
  /** Its file. */
  path: string
  /** Whether that is the whole program, rather than Node.js with sources or a bundle. */
  isSingleFile: boolean
  /** Whether it came by another way than an upgrade of ours. */
  isPackaged: boolean
}

/** Why a program of several files is not replaced by one of ours. */
export const notSingleFile =
  'this plexd runs on a Node.js of the machine, not as a single file: upgrade it in the way it was installed'

export function describeSelf(versionsFolder: string): Self {
  const path = process.execPath
  return {
    version,
    path,
    isSingleFile: isSea(),
    isPackaged: !path.startsWith(versionsFolder + sep),
  }
}

/** The environment variable that tells a program for which upgrade it is on trial, and the one with its supervisor's process id. */
export const trialVariable = 'PLEXD_TRIAL'
export const supervisorVariable = 'PLEXD_SUPERVISOR'

/** With this exit code a supervised program asks to be started again, as the version that is current by then. */
export const restartCode = 85

/** The id of the process that has this one on trial, or had; undefined for none. */
export function supervisorOf(): number | undefined {
  const supervisor = process.env[supervisorVariable]
  return supervisor === String(process.ppid) ? process.ppid : undefined
}
