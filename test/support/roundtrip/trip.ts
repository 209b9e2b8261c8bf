/**
 * Owns one type's turn in a run: its names in the graph, the servers that are asked, and how what comes back is judged.
 */
import { type Random } from '../random.ts';
import { type Ask, type Reply, type SendOptions, requestOf, send, type Sent } from './send.ts';
import { type Meaning, type Oracle, shownText } from './oracle.ts';
import { type Report } from './report.ts';
import { fieldName, graphName, qualified } from './schema.ts';
import { shown, type Sample } from './sample.ts';
import { type ColumnType, type Extension } from './types.ts';
import { toLiteral, type Wire } from './wire.ts';

export interface Servers {
  /** Of the primary's region. */
  readonly primary: string;
  /** Of a replica's region: two processes with one Redis. */
  readonly replica: string;
  readonly beside: string;
  /** Resolves when the replica's caches have applied all that is committed by now. */
  caughtUp(): Promise<void>;
}

export interface TripParts {
  readonly type: ColumnType;
  readonly servers: Servers;
  readonly oracle: Oracle;
  readonly report: Report;
  readonly random: Random;
  readonly outside: Extension;
  readonly adminToken: string;
  /** Fresh numbers for rows and batches. */
  readonly next: () => number;
}

/** A value's way into a request. */
export type Way = 'variable' | 'literal' | 'default';

/** Refusals that say what is wrong with a value. The others say that something went wrong. */
const SENTENCES: ReadonlySet<string> = new Set(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'CONSTRAINT_VIOLATION']);
/** A document that no parser takes: a literal with what no document may hold. */
const UNPARSED = 'GRAPHQL_PARSE_FAILED';

export class Trip {
  readonly parts: TripParts;
  readonly type: ColumnType;
  readonly field: string;
  readonly name: string;
  /** Type of a value in the graph. */
  readonly value: string;
  /** Of the column, without length and precision, for any search path. */
  readonly cast: string;
  /** The newest token, which every read carries. */
  token = '';

  constructor(parts: TripParts) {
    this.parts = parts;
    this.type = parts.type;
    this.field = fieldName(parts.type);
    this.name = graphName(parts.type);
    this.value = parts.type.isList ? `[${parts.type.graphql}]` : parts.type.graphql;
    this.cast = qualified(parts.type.cast, parts.outside);
  }

  /** A field's text with the sample in the place of `$v`; null where it cannot stand there. */
  ask(field: string, sample: Pick<Sample, 'wire' | 'literal'>, way: Way, type = this.value): Ask | null {
    const literal = sample.literal ?? toLiteral(sample.wire);
    if (way !== 'variable' && literal === null) return null;
    if (way === 'literal') return { field: field.replaceAll(/\$v\b/g, () => literal ?? ''), variable: null };
    return { field, variable: { type, value: sample.wire, asDefault: way === 'default', literal } };
  }

  async send(asks: readonly Ask[], options: Omit<SendOptions, 'token'>): Promise<Sent> {
    const sent = await send(asks, { ...options, token: this.token });
    if (options.operation === 'mutation' && sent.token !== null) this.token = sent.token;
    return sent;
  }

  isSentence(reply: Reply, way: Way): boolean {
    return (
      reply.kind === 'error' &&
      reply.message !== '' &&
      (SENTENCES.has(reply.code) || (way !== 'variable' && reply.code === UNPARSED))
    );
  }

  /** Whether an answer shows what the database holds, `text`. */
  async shows(value: Wire, text: string | null): Promise<boolean> {
    const said = shownText(this.type, value);
    if (said === null || text === null) return said === text;
    return (
      said === text ||
      (await this.parts.oracle.canon(this.type, qualified(this.type.sql, this.parts.outside), said)) === text
    );
  }

  equal(place: string, times = 1): void {
    this.parts.report.equal(this.type.name, place, times);
  }

  refused(place: string): void {
    this.parts.report.refused(this.type.name, place);
  }

  find(
    kind: string,
    place: string,
    {
      ask,
      operation,
      value,
      expected,
      got,
    }: {
      readonly ask: Ask;
      readonly operation: 'query' | 'mutation';
      readonly value: unknown;
      readonly expected: unknown;
      readonly got: unknown;
    },
  ): void {
    this.parts.report.find({
      kind,
      type: this.type.name,
      place,
      value: shown(value),
      expected: shown(expected),
      got: shown(got),
      request: requestOf([ask], { operation }),
    });
  }

  /** A refusal is as it should be unless the value is an ordinary one that PostgreSQL takes. */
  judgeRefusal(
    place: string,
    told: {
      readonly ask: Ask;
      readonly operation: 'query' | 'mutation';
      readonly sample: Sample;
      readonly meaning: Meaning;
      readonly reply: Reply;
      readonly way: Way;
    },
  ): void {
    const { reply, sample, meaning } = told;
    const finding = {
      ask: told.ask,
      operation: told.operation,
      value: sample.wire,
      expected: 'text' in meaning ? meaning.text : `a sentence (${meaning.refusal})`,
      got: reply,
    };
    if (!this.isSentence(reply, told.way))
      this.find(`fails without a sentence (${reply.kind === 'error' ? reply.code : ''})`, place, finding);
    else if (sample.isPlain && 'text' in meaning) this.find('refuses what PostgreSQL takes', place, finding);
    else this.refused(place);
  }
}

/** A member of what was answered: `at(data, 'row', 'v')`. */
export function at(value: Wire, ...path: readonly string[]): Wire {
  let current: Wire = value;
  for (const name of path) {
    if (current === null || typeof current !== 'object' || Array.isArray(current)) return null;
    current = (current as { readonly [key: string]: Wire })[name] ?? null;
  }
  return current;
}
