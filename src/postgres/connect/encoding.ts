/**
 * Owns which encodings a database may have. Everything is sent and read as UTF-8: the server converts texts and names
 * on every connection, the tail's too. In SQL_ASCII it converts nothing, since it does not know what its bytes mean.
 */
import { MeridianError } from '../../base/errors.ts';

/** A column of a statement that looks at a server. */
export const ENCODING = `current_setting('server_encoding')`;

/** Throws `DATABASE_NOT_READY`, with `details.fix`, for a database whose texts could be confused. */
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
