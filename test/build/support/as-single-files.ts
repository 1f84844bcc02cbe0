/** Imported before anything else, it makes a test start single files instead of bundles. */
process.env.PLEXD_PROGRAMS = 'single-files'
