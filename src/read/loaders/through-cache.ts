/**
 * Owns the way of a loader's batch through the region's cache, or past it: one fetch, one demand, one entry in the
 * report.
 */
import { hash } from 'node:crypto';
import { laterPosition } from '../../base/lineage.ts';
import { type CacheKey } from '../../cache/ports.ts';
import { type ReadCache } from '../../cache/read-cache.ts';
import { lowerPosition, type Codec, type Keeping, type Loaded } from '../../cache/reading.ts';
import { shapeOf } from '../../cache/row-codec.ts';
import { type Tag } from '../../change/tags.ts';
import { type Comparisons, type Entity, type Row } from '../../model/model.ts';
import { type Answer, type CachedReads, type Executor, type Setting, type Statement } from '../ports.ts';
import { exactPart } from '../sql/comparing.ts';
import { areLasting } from '../settings.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { type Tenancy } from '../sql/tenant.ts';
import { tenantText } from './prepared.ts';

/** How reads name what they depend on: as changes do. */
export interface TagNames {
  /** The rows with these canonical values; possibly of more rows than these, never of fewer. No columns: any row. */
  tagFor(entity: Entity, columns: readonly string[], values: readonly unknown[]): Tag;
  /** Of a text in the author's notation. Throws `BAD_USER_INPUT`. */
  dependencyTag(text: string): Tag;
  /** Why not every change under the tag is seen, so that nothing may be kept under it; null where all are. */
  whyUnseen(tag: Tag): string | null;
}

/**
 * The tag of what is read by a key: of its exact part, since the text of the rest does not tell which rows are equal to
 * it.
 */
export function tagOfKey(tags: TagNames, { entity, columns, comparisons }: KeyColumns, key: KeyValues): Tag {
  const exact = exactPart(columns, key, comparisons);
  return tags.tagFor(entity, exact.columns, exact.values);
}

/** What tells keys of the same columns apart: the types of their values. */
export function keyContent(columns: readonly string[], comparisons: Comparisons | undefined): unknown {
  return comparisons === undefined
    ? columns
    : [
        columns,
        comparisons.map(
          (comparison) =>
            comparison && [comparison.type.sql, comparison.equal, comparison.columnCast, comparison.valueCast],
        ),
      ];
}

const keyNames = new WeakMap<readonly string[], string>();

/** `keyContent` as a text. Columns are lists of the model, so that it is made once for most of them. */
export function keyName(columns: readonly string[], comparisons: Comparisons | undefined): string {
  if (comparisons !== undefined) return JSON.stringify(keyContent(columns, comparisons));
  let name = keyNames.get(columns);
  if (name === undefined) keyNames.set(columns, (name = JSON.stringify(keyContent(columns, undefined))));
  return name;
}

/**
 * The same text for the same key among keys of the same columns: most are one text, which stands for itself where it
 * cannot be taken for a list of JSON.
 */
export function keyText(key: KeyValues): string {
  const [only] = key;
  if (key.length !== 1 || typeof only !== 'string') return JSON.stringify(key);
  const first = only.charCodeAt(0);
  return first === OPENING || first === MARK ? `'${only}` : only;
}

const [OPENING, MARK] = ['['.charCodeAt(0), "'".charCodeAt(0)];

/** For whom values are read (R11): part of every key. */
export interface CacheScope {
  /** Whose rows exist. Lists and counts are kept for each tenant; of a row by its key it is asked when it is shown. */
  readonly tenancy: Tenancy;
  /** Of the settings under which statements run (`settingsKey`). */
  readonly settingsKey: string;
}

/** The region's cache as reads for one viewer use it. */
export interface LoaderCaching {
  readonly cache: ReadCache;
  readonly tags: TagNames;
  readonly scope: CacheScope;
}

const settingsKeys = new WeakMap<readonly Setting[], string>();

/** The same text for the same settings; empty without any. */
export function settingsKey(settings: readonly Setting[]): string {
  if (settings.length === 0) return '';
  const known = settingsKeys.get(settings);
  if (known !== undefined) return known;
  const key = hashOf(settings.map(({ name, value }) => [name, value]));
  if (areLasting(settings)) settingsKeys.set(settings, key);
  return key;
}

/** Short, and never the same for different content. */
export function hashOf(content: unknown): string {
  return hash('sha256', JSON.stringify(content), 'base64url').slice(0, 22);
}

/** Longer ones stand in keys by their hash. */
const LONGEST_VALUES = 64;

export interface VariantInput {
  readonly kind: 'row' | 'slice' | 'count';
  readonly entity: Entity;
  readonly scope: CacheScope;
  /** What else makes values differ: arguments above all. */
  readonly content: () => unknown;
  /** Stands for the content, together with `name`, as long as it lives. */
  readonly owner: object;
  readonly name: string;
}

/** Viewers' settings and tenants for which the hash of one content is kept; when it is full it begins anew. */
const MOST_BASES = 64;
const bases = new WeakMap<object, Map<string, string>>();

/** Hashing costs more than all else that a cached read does with its key. */
function baseOf({
  kind,
  entity,
  scope: { tenancy, settingsKey: settings },
  content,
  owner,
  name,
}: VariantInput): string {
  const ofOwner = bases.get(owner) ?? new Map<string, string>();
  bases.set(owner, ofOwner);
  const shape = shapeOf(entity);
  const isTenants = kind !== 'row' && tenancy.applies(entity);
  const of = `${kind} ${shape} ${settings} ${isTenants ? tenantText(tenancy, entity) : ''} ${name}`;
  const known = ofOwner.get(of);
  if (known !== undefined) return known;
  const base = `${kind.charAt(0)}${hashOf([shape, settings, isTenants ? [tenancy.valueFor(entity)] : null, content()])}`;
  if (ofOwner.size >= MOST_BASES) ofOwner.clear();
  ofOwner.set(of, base);
  return base;
}

/** The variants of one loader's keys. */
export interface Variants {
  /** Names the loader among those of other entities, columns, arguments, settings and tenants. */
  readonly base: string;
  of(values: readonly unknown[]): string;
}

/**
 * Makes the variants of one loader's keys. The key's values are part of them: a tag may speak of more rows than those
 * with these values (`tagFor`), and must not mix them up.
 */
export function variants(input: VariantInput): Variants {
  const base = baseOf(input);
  return {
    base,
    of: (values) => {
      if (values.length === 0) return base;
      const text = JSON.stringify(values);
      return `${base} ${text.length <= LONGEST_VALUES ? text : hashOf(values)}`;
    },
  };
}

export interface CachedBatch<V> {
  readonly executor: Executor;
  /** Null: not cached. */
  readonly cache: ReadCache | null;
  readonly keys: readonly CacheKey[];
  readonly keeping: Keeping;
  readonly codec: Codec<V>;
  /** Reads the values of these places in `keys` with statements to `via`. */
  readonly load: (places: readonly number[], via: Pick<Executor, 'query'>) => Promise<readonly V[]>;
  /** Whether what was loaded together may be kept; unless given, it may. */
  readonly mayKeep?: (values: readonly V[]) => boolean;
}

/**
 * The values in the order of the keys, from the cache where it may answer and has them. What `load` throws is thrown,
 * and never kept.
 */
export async function throughCache<V>({
  executor,
  cache,
  keys,
  keeping,
  codec,
  load,
  mayKeep,
}: CachedBatch<V>): Promise<readonly V[]> {
  const { caching } = executor;
  const direct = (): Promise<readonly V[]> => {
    caching?.basis?.refuse();
    return load([...keys.keys()], executor);
  };
  if (cache === null || caching === undefined) return direct();
  const demand = await caching.demand();
  if (demand === null) return direct();
  const fetched = await cache.fetch({
    keys,
    demand,
    keeping,
    codec,
    load: (places) => loadedBy(caching, (via) => load(places, via), mayKeep),
  });
  if (fetched.seen === null || caching.hit(fetched.seen, fetched.asOf)) {
    caching.basis?.fetched(keys, fetched.keptWith);
    return fetched.values;
  }
  return direct();
}

/** What was read together is kept together: with the lowest position that one of the statements can be kept with. */
async function loadedBy<V>(
  caching: CachedReads,
  load: (via: Pick<Executor, 'query'>) => Promise<readonly V[]>,
  mayKeep: CachedBatch<V>['mayKeep'],
): Promise<Loaded<V>> {
  const answers: Answer[] = [];
  const query = async (statement: Statement): Promise<readonly Row[]> => {
    const answer = await caching.answer(statement);
    answers.push(answer);
    return answer.rows;
  };
  const values = await load({ query });
  const [first, ...rest] = answers;
  if (first === undefined) throw new TypeError('a load for the cache sent no statement');
  const loaded = rest.reduce<Loaded<V>>(
    (all, { seen, asOf }) => ({ values, seen: laterPosition(all.seen, seen), asOf: lowerOf(all.asOf, asOf) }),
    { values, seen: first.seen, asOf: first.asOf },
  );
  return mayKeep?.(values) === false ? { ...loaded, asOf: null } : loaded;
}

function lowerOf(a: Loaded<unknown>['asOf'], b: Loaded<unknown>['asOf']): Loaded<unknown>['asOf'] {
  if (a === 'watermark' || b === 'watermark') return a === b ? a : null;
  return lowerPosition(a, b);
}
