rm -f /etc/systemd/system/*.wants/plexd.service
