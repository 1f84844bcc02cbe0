if [ -d /run/systemd/system ]; then systemctl stop plexd-control-plane.service; fi
