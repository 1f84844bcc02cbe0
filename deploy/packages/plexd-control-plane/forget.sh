rm -f /etc/systemd/system/*.wants/plexd-control-plane.service
