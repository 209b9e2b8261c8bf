/**
 * Owns planned fields whose values are read (rows by key, lists, counts and connections). Reads start object by object
 * and are completed together.
 */
import { type LookupRoot, type ToOneField } from '../../model/model.ts';
import { type Page } from '../../read/loaders/entity-loaders.ts';
import { type ParentValues } from '../../read/loaders/preparations.ts';
import { type SelectionField } from '../resolvers.ts';
import { type Answered, type Filling, type PlannedField, type Running } from './plan.ts';
import { NOWHERE, settle, type FieldParts } from './values.ts';

type Values = Readonly<Record<string, unknown>>;

export function lookupField(parts: FieldParts, { target, arguments: given }: LookupRoot): PlannedField {
  const names = [...given.keys()];
  const columns = [...given.values()];
  return readField(parts, (_source, args, { loaders }) =>
    loaders.one(
      target,
      columns,
      names.map((name) => args[name]),
    ),
  );
}

/** Objects that reference the same row share it and its completed value. */
export function toOneField(
  parts: FieldParts,
  { target, join }: ToOneField,
  keyOf: (parent: unknown) => readonly unknown[],
): PlannedField {
  const { key, args, complete } = parts;
  const begin = (run: Running): Filling => {
    const reads: unknown[] = [];
    const sharing: Answered[][] = [];
    const places = new Map<unknown, number>();
    return {
      value(source, out) {
        run.argumentsOf(args);
        const values = keyOf(source);
        // A NULL in any part of the foreign key means that there is no row. The field's type decides whether null is
        // allowed.
        if (values.includes(null)) return complete(null, NOWHERE);
        const name = values.length === 1 ? values[0] : values;
        const place = places.get(name) ?? reads.length;
        if (place === reads.length) {
          reads.push(run.loaders.one(target, join.to, values, join.comparisons));
          sharing.push([]);
          places.set(name, place);
        }
        sharing[place]?.push(out);
        return null;
      },
      done() {
        if (reads.length > 0) run.wait(reads, (found) => settle(run, parts, sharing, found));
      },
    };
  };
  return { key, begin };
}

export function listField(
  parts: FieldParts,
  field: Exclude<SelectionField, { readonly kind: 'connection' }>,
  keyOf: (parent: unknown) => ParentValues,
): PlannedField {
  if (field.kind === 'list')
    return readField(parts, (source, args, { loaders }) => loaders.list(field, keyOf(source), args));
  return readField(parts, (source, args, { loaders }) => loaders.count(field, keyOf(source), args));
}

/** Returns the value, or a promise of it. */
type Read = (source: unknown, args: Values, run: Running) => unknown;

function readField(parts: FieldParts, read: Read): PlannedField {
  const begin = (run: Running): Filling => {
    const reads: unknown[] = [];
    const outs: (readonly [Answered])[] = [];
    return {
      value(source, out) {
        reads.push(read(source, run.argumentsOf(parts.args), run));
        outs.push([out]);
        return null;
      },
      done() {
        if (reads.length > 0) run.wait(reads, (found) => settle(run, parts, outs, found));
      },
    };
  };
  return { key: parts.key, begin };
}

/** The fields of a connection, grouped by the read that they need. */
export interface ConnectionParts {
  /** In the order of the answer. */
  readonly keys: readonly string[];
  /** Values that need no read. */
  readonly fixed: ReadonlyMap<string, unknown>;
  /** The reads, in the order of the first field that needs each. */
  readonly reads: readonly ConnectionRead[];
}

export type ConnectionRead =
  | {
      readonly what: 'page';
      readonly fields: readonly { readonly name: 'edges' | 'nodes' | 'pageInfo'; readonly parts: FieldParts }[];
    }
  | { readonly what: 'total'; readonly fields: readonly { readonly parts: FieldParts }[] };

type Connection = Extract<SelectionField, { readonly kind: 'connection' }>;

export function connectionField(
  { key, args }: Pick<FieldParts, 'key' | 'args'>,
  {
    field,
    keyOf,
    connection,
  }: {
    readonly field: Connection;
    readonly keyOf: (parent: unknown) => ParentValues;
    readonly connection: ConnectionParts;
  },
): PlannedField {
  const { keys, fixed, reads } = connection;
  const begin = (run: Running): Filling => {
    const outs: (readonly [Answered])[] = [];
    const pages: (Promise<Page> | Page)[] = [];
    const totals: (Promise<number> | number)[] = [];
    return {
      value(source) {
        const parent = keyOf(source);
        const given = run.argumentsOf(args);
        const out: Answered = {};
        for (const name of keys) out[name] = fixed.get(name) ?? null;
        outs.push([out]);
        for (const { what } of reads) {
          if (what === 'page') pages.push(run.loaders.page(field, parent, given));
          else totals.push(run.loaders.totalCount(field, parent, given));
        }
        return out;
      },
      done() {
        for (const read of reads) {
          if (read.what === 'page')
            run.wait(pages, (found) =>
              read.fields.forEach(({ name, parts }) =>
                settle(
                  run,
                  parts,
                  outs,
                  found.map((page) => page[name]),
                ),
              ),
            );
          else run.wait(totals, (found) => read.fields.forEach(({ parts }) => settle(run, parts, outs, found)));
        }
      },
    };
  };
  return { key, begin };
}
