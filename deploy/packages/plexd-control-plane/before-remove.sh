stop_service plexd-control-plane.service
