/** Names of record types, by linux/audit.h and libaudit. Pure. */

/** Consecutive ones, by the number of the first. */
const names: Readonly<Record<number, string>> = {
  1006: 'LOGIN',
  1100:
    'USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC USER_CHAUTHTOK USER_ERR CRED_REFR USYS_CONFIG ' +
    'USER_LOGIN USER_LOGOUT ADD_USER DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP USER_SELINUX_ERR USER_CMD ' +
    'USER_TTY CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK ' +
    'MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE',
  1200: 'DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG',
  1300: 'SYSCALL',
  1302: 'PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD',
  1309: 'EXECVE',
  1311:
    'IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP ' +
    'NETFILTER_PKT NETFILTER_CFG SECCOMP PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF ' +
    'EVENT_LISTENER URINGOP OPENAT2 DM_CTRL DM_EVENT',
  1400:
    'AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL ' +
    'MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD MAC_IPSEC_EVENT MAC_UNLBL_STCADD ' +
    'MAC_UNLBL_STCDEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL',
  1501: 'APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR',
  1700: 'ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT',
  1800:
    'INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE INTEGRITY_EVM_XATTR ' +
    'INTEGRITY_POLICY_RULE',
  2000: 'KERNEL',
  2404: 'CRYPTO_KEY_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_SESSION',
}

const byNumber = new Map(
  Object.entries(names).flatMap(([first, list]) =>
    list.split(' ').map((name, index): [number, string] => [Number(first) + index, name]),
  ),
)
const byName = new Map([...byNumber].map(([number, name]) => [name, number]))

/** An unknown one is written as auditd does. */
export function typeOf(number: number): string {
  return byNumber.get(number) ?? `UNKNOWN[${number}]`
}

/** 0 for an unknown name. */
function numberOf(type: string): number {
  return byName.get(type) ?? Number(/^UNKNOWN\[(\d{1,5})\]$/.exec(type)?.[1] ?? 0)
}

/** Whether it comes from a program, in a record of its own: no other line belongs to it. */
export function standsAlone(type: string): boolean {
  const number = numberOf(type)
  return (number >= 1100 && number < 1300) || number >= 2000
}

/** Whether its serial is one that auditd has counted, not the kernel. */
export function isOfDaemon(type: string): boolean {
  const number = numberOf(type)
  return number >= 1200 && number < 1300
}
