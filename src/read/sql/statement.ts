/** Owns the construction of statements: numbered parameters with casts, and names that identify exactly one text. */
import { hash } from 'node:crypto';
import { type SqlType } from '../../model/model.ts';
import { type SqlParam } from '../../model/values.ts';
import { type Statement } from '../ports.ts';
import { castType, parameterListType } from './identifiers.ts';

const NAME_LENGTH = 22;

/** Parameters of one statement, in the order in which they are added. */
export class Params {
  readonly values: SqlParam[] = [];

  /** Adds a value of the type; returns its place with the cast: `$3::bigint`. */
  add(type: SqlType, value: SqlParam): string {
    return this.raw(type.array ? parameterListType(type) : castType(type), value);
  }

  /** Adds a list of values of the type: `$3::bigint[]`. Not for columns that are arrays. */
  addList(type: SqlType, values: readonly SqlParam[]): string {
    return this.raw(parameterListType(type), values);
  }

  raw(sqlType: string, value: SqlParam): string {
    this.values.push(value);
    return `$${this.values.length}::${sqlType}`;
  }
}

/**
 * A short stable name for a text: the same text has the same name in every process. It fits into PostgreSQL's 63 bytes.
 */
export function statementName(text: string): string {
  return `m_${hash('sha256', text, 'base64url').slice(0, NAME_LENGTH)}`;
}

/**
 * Builds a statement. `prepared: false` gives it no name. A connection keeps every named statement, so a text whose
 * shape the client chooses must not have a name, or the client could fill the server's memory.
 */
export function statement(
  text: string,
  params: Params,
  options: { readonly prepared: boolean } = { prepared: true },
): Statement {
  return { name: options.prepared ? statementName(text) : '', text, values: params.values };
}
