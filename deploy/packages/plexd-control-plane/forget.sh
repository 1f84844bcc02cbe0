rm -f /etc/systemd/system/*.wants/plexd-control-plane.service /etc/systemd/system/*.requires/plexd-control-plane.service
