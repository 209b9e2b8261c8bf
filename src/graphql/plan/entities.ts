/**
 * Owns the planned field `_entities`: representations are resolved as references of their types, and filled together.
 */
import { type Row } from '../../model/model.ts';
import { checkedRepresentation, type Finder } from '../reference.ts';
import { Gathering, type Selections } from './complete.ts';
import { nothingMissing } from './leaves.ts';
import { type Filling, type PlannedField, type Running, type Selection } from './plan.ts';
import { type FieldParts } from './values.ts';

export interface EntitiesParts {
  readonly finders: ReadonlyMap<string, Finder>;
  readonly selections: NonNullable<Selections>;
  /** Whether the list may contain null for an entity that does not exist. */
  readonly areNullable: boolean;
}

type Reference = Readonly<Record<string, unknown>>;

/**
 * Representations with the same type and fields. Their rows are read together and do not wait for those of other
 * groups.
 */
interface Alike {
  readonly type: string;
  /** The names of a representation's fields. */
  readonly names: readonly string[];
  readonly find: Finder;
  readonly reads: (Promise<Row | null> | Row | null)[];
  /** Their indexes in the list. */
  readonly places: number[];
  readonly list: unknown[];
}

export function entitiesField({ key, args }: Pick<FieldParts, 'key' | 'args'>, parts: EntitiesParts): PlannedField {
  const begin = (run: Running): Filling => {
    const all: Alike[] = [];
    return {
      value() {
        const { representations } = run.argumentsOf(args) as { readonly representations: readonly unknown[] };
        const list = new Array<unknown>(representations.length).fill(null);
        // All representations are checked before the first one is looked up, as in the usual execution.
        const references = representations.map((it) => sound(run, it));
        let last: Alike | null = null;
        for (let place = 0; place < references.length; place += 1) {
          const reference = references[place] as Reference;
          const type = reference['__typename'] as string;
          const names = Object.keys(reference);
          // Usually it has the same shape as the previous one.
          let alike: Alike | undefined = last !== null && isLike(last, type, names) ? last : undefined;
          alike ??= all.find((one) => isLike(one, type, names));
          if (alike === undefined) {
            alike = { type, names, find: finderOf(parts.finders, type), reads: [], places: [], list };
            all.push(alike);
          }
          last = alike;
          alike.reads.push(alike.find(reference, run.schema, run.loaders));
          alike.places.push(place);
        }
        return list;
      },
      done() {
        for (const one of all) run.wait(one.reads, (rows) => show(run, parts, one, rows));
      },
    };
  };
  return { key, begin };
}

function isLike(one: Alike, type: string, names: readonly string[]): boolean {
  if (one.type !== type || one.names.length !== names.length) return false;
  for (let i = 0; i < names.length; i += 1) if (one.names[i] !== names[i]) return false;
  return true;
}

function show(
  run: Running,
  { selections, areNullable }: EntitiesParts,
  { type, places, list }: Alike,
  rows: readonly (Row | null)[],
): void {
  const gathering = new Gathering();
  for (const [i, row] of rows.entries())
    list[places[i] as number] =
      row === null
        ? areNullable
          ? null
          : nothingMissing(row)
        : gathering.add(selectionOf(selections, type, row), row);
  gathering.fill(run);
}

function sound(run: Running, representation: unknown): Reference {
  const checked = checkedRepresentation(run.schema, representation);
  if (checked instanceof Error) throw checked;
  return checked as Reference;
}

function finderOf(finders: ReadonlyMap<string, Finder>, type: string): Finder {
  const finder = finders.get(type);
  if (finder === undefined) throw new TypeError('a reference is looked up by the application');
  return finder;
}

/** The type of the representation, or, where that is an interface, the type that the row names. */
function selectionOf(selections: NonNullable<Selections>, type: string, row: Row): Selection {
  const selection = selections.get(type) ?? selections.get(String(row['__typename']));
  if (selection === undefined) throw new TypeError('a reference leads to a type that the operation has no place for');
  return selection;
}
