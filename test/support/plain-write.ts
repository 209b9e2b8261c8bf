/**
 * Owns a mutation's statements for tests that run them alone: what is looked up before the write, and the write with
 * the row that it touches.
 */
import { type Statement } from '../../src/read/ports.ts';
import { plainStatement } from '../../src/write/guarded.ts';
import { givenValues, referenceStatements, writeOf, type WriteRequest } from '../../src/write/statements.ts';

export function writeStatements(request: WriteRequest): readonly Statement[] {
  const given = givenValues(request);
  return [...referenceStatements(request, given), plainStatement(request.entity, writeOf(request, given, null))];
}
