forget_unit plexd.service
