/**
 * Owns which database encodings are accepted. All clients use UTF-8, and the server converts text and names on every
 * connection, including the tail's. With SQL_ASCII the server cannot convert anything, since the encoding of the bytes
 * is unknown.
 */
import { MeridianError } from '../../base/errors.ts';

/** Expression for the SELECT list of a statement that inspects a server. */
export const ENCODING = `current_setting('server_encoding')`;

/** Throws `DATABASE_NOT_READY`, with `details.fix`, for a database with the encoding SQL_ASCII. */
export function demandEncoding(encoding: string): void {
  if (encoding !== 'SQL_ASCII') return;
  throw new MeridianError({
    code: 'DATABASE_NOT_READY',
    message:
      'The database has the encoding SQL_ASCII, with which PostgreSQL cannot tell letters from bytes: texts that differ would be taken for the same.',
    details: {
      fix: `Dump it with pg_dump --encoding=NAME, the encoding that its texts are in, and restore that into a database created with ENCODING 'UTF8' TEMPLATE template0.`,
    },
  });
}
