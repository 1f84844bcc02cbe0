forget_unit plexd-control-plane.service
