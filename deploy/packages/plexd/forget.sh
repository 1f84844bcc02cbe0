rm -f /etc/systemd/system/*.wants/plexd.service /etc/systemd/system/*.requires/plexd.service
