/** Of SQL, as migrations have to know it. */
export type Dialect = 'sqlite' | 'postgres'
