/** Events as Linux 6.18 sent them by netlink, with the names of their types before them as auditd writes them. */
export const opened = [
  'type=SYSCALL msg=audit(1795743013.624:2): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffc892fea84 a2=0 a3=0 items=1 ppid=25359 pid=25360 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="cat" exe="/usr/bin/cat" key="plexd"',
  'type=CWD msg=audit(1795743013.624:2): cwd="/root"',
  'type=PATH msg=audit(1795743013.624:2): item=0 name=2F7372762F626F6F6B732F7365637265742066696C65 inode=10002726 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PROCTITLE msg=audit(1795743013.624:2): proctitle=636174002F7372762F626F6F6B732F7365637265742066696C65',
  'type=EOE msg=audit(1795743013.624:2):',
]

export const renamed = [
  'type=SYSCALL msg=audit(1795743013.628:3): arch=c000003e syscall=316 success=yes exit=0 a0=ffffff9c a1=7ffd75234a8c a2=ffffff9c a3=7ffd75234a98 items=4 ppid=25359 pid=25361 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="mv" exe="/usr/bin/mv" key="plexd"',
  'type=CWD msg=audit(1795743013.628:3): cwd="/srv/books"',
  'type=PATH msg=audit(1795743013.628:3): item=0 name="/srv/books" inode=10002498 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PATH msg=audit(1795743013.628:3): item=1 name="/srv/books" inode=10002498 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PATH msg=audit(1795743013.628:3): item=2 name=7365637265742066696C65 inode=10002726 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PATH msg=audit(1795743013.628:3): item=3 name="two" inode=10002726 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PROCTITLE msg=audit(1795743013.628:3): proctitle=6D76007365637265742066696C650074776F',
  'type=EOE msg=audit(1795743013.628:3):',
]

export const denied = [
  'type=SYSCALL msg=audit(1795743013.648:4): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=55fef7b18908 a2=441 a3=1b6 items=1 ppid=25359 pid=25362 auid=4294967295 uid=65534 gid=0 euid=65534 suid=65534 fsuid=65534 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sh" exe="/usr/bin/dash" key="plexd"',
  'type=CWD msg=audit(1795743013.648:4): cwd="/srv/books"',
  'type=PATH msg=audit(1795743013.648:4): item=0 name="two" inode=10002726 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PROCTITLE msg=audit(1795743013.648:4): proctitle=7368002D63006563686F2079203E3E2074776F',
  'type=EOE msg=audit(1795743013.648:4):',
]

export const executed = [
  'type=SYSCALL msg=audit(1795743013.676:6): arch=c000003e syscall=59 success=yes exit=0 a0=555f0c378050 a1=555f0c3780c8 a2=555f0c3780f0 a3=8 items=2 ppid=25359 pid=25364 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="t" exe="/srv/books/t" key="plexd"',
  'type=BPRM_FCAPS msg=audit(1795743013.676:6): fver=0 fp=0 fi=0 fe=0 old_pp=000001fffeffffff old_pi=0 old_pe=000001fffeffffff old_pa=0 pp=000001fffeffffff pi=0 pe=000001fffeffffff pa=0 frootid=0',
  'type=EXECVE msg=audit(1795743013.676:6): argc=4 a0="./t" a1=612062 a2="c=d" a3="password=hunter22"',
  'type=CWD msg=audit(1795743013.676:6): cwd="/srv/books"',
  'type=PATH msg=audit(1795743013.676:6): item=0 name="./t" inode=10003025 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PATH msg=audit(1795743013.676:6): item=1 name="/lib64/ld-linux-x86-64.so.2" inode=325835 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PROCTITLE msg=audit(1795743013.676:6): proctitle=2E2F740061206200633D640070617373776F72643D68756E7465723232',
  'type=EOE msg=audit(1795743013.676:6):',
]

export const notUtf8 = [
  'type=SYSCALL msg=audit(1795743014.340:8): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f638b216bd0 a2=80241 a3=1b6 items=2 ppid=25359 pid=25366 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="python3" exe="/usr/bin/python3.11" key="plexd"',
  'type=CWD msg=audit(1795743014.340:8): cwd="/srv/books"',
  'type=PATH msg=audit(1795743014.340:8): item=0 name="/srv/books/" inode=10002498 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PATH msg=audit(1795743014.340:8): item=1 name=2F7372762F626F6F6B732FFFFE inode=10003038 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0',
  'type=PROCTITLE msg=audit(1795743014.340:8): proctitle=2F7573722F62696E2F707974686F6E33002D63006F70656E2862222F7372762F626F6F6B732F5C7866665C786665222C22772229',
  'type=EOE msg=audit(1795743014.340:8):',
]

export const filtered = [
  'type=NETFILTER_CFG msg=audit(1795743014.416:9): table=probe:2 family=1 entries=1 op=nft_register_table pid=25410 comm="nft"',
  'type=SYSCALL msg=audit(1795743014.416:9): arch=c000003e syscall=46 success=yes exit=80 a0=3 a1=7ffc9c1d2050 a2=0 a3=7f36b27b5f00 items=0 ppid=25409 pid=25410 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="nft" exe="/usr/sbin/nft" key=(null)',
  'type=SOCKADDR msg=audit(1795743014.416:9): saddr=100000000000000000000000',
  'type=PROCTITLE msg=audit(1795743014.416:9): proctitle=6E667400616464007461626C6500696E65740070726F6265',
  'type=EOE msg=audit(1795743014.416:9):',
]

/** As sshd and auditd write it, with what auditd appends if it is told to explain numbers. */
export const loggedIn = [
  `type=USER_LOGIN msg=audit(1795743020.001:13): pid=812 uid=0 auid=1000 ses=3 subj=unconfined msg='op=login acct="admin" exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=/dev/pts/0 res=success'\x1dUID="root" AUID="admin"`,
]

/** As SELinux writes it. */
export const avc =
  'type=AVC msg=audit(1795743021.500:14): avc:  denied  { read } for  pid=901 comm="httpd" name="shadow" dev="vda1" ino=77 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0'
