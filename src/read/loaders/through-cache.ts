/**
 * Owns reading a loader's batch through the region's cache or around it: one fetch, one demand, one entry in the
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

/** The names of what reads depend on. Changes use the same names. */
export interface TagNames {
  /**
   * The tag of the rows with these canonical values. It may cover more rows, never fewer. Without columns it covers
   * every row.
   */
  tagFor(entity: Entity, columns: readonly string[], values: readonly unknown[]): Tag;
  /** The tag of a text in the author's notation. Throws `BAD_USER_INPUT`. */
  dependencyTag(text: string): Tag;
  /** Why some changes under the tag are not observed, so that nothing may be cached under it; null where all are. */
  whyUnseen(tag: Tag): string | null;
}

/**
 * The tag of a read by key. It uses only the exact part of the key: for the other columns, different texts may be equal
 * values.
 */
export function tagOfKey(tags: TagNames, { entity, columns, comparisons }: KeyColumns, key: KeyValues): Tag {
  const exact = exactPart(columns, key, comparisons);
  return tags.tagFor(entity, exact.columns, exact.values);
}

/** Distinguishes keys of the same columns by the types of their values. */
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

/** `keyContent` as text. The column lists are objects of the model, so most texts are computed once. */
export function keyName(columns: readonly string[], comparisons: Comparisons | undefined): string {
  if (comparisons !== undefined) return JSON.stringify(keyContent(columns, comparisons));
  let name = keyNames.get(columns);
  if (name === undefined) keyNames.set(columns, (name = JSON.stringify(keyContent(columns, undefined))));
  return name;
}

/**
 * The same text for the same key among keys of the same columns. Most keys are a single text, which is used as it is
 * unless it could be mistaken for a JSON list or a quoted text.
 */
export function keyText(key: KeyValues): string {
  const [only] = key;
  if (key.length !== 1 || typeof only !== 'string') return JSON.stringify(key);
  const first = only.charCodeAt(0);
  return first === OPENING || first === MARK ? `'${only}` : only;
}

const [OPENING, MARK] = ['['.charCodeAt(0), "'".charCodeAt(0)];

/** The viewer's part of every cache key (R11). */
export interface CacheScope {
  /**
   * The viewer's tenant. Lists and counts are cached per tenant. A row by key is cached once for all tenants and
   * checked when it is returned.
   */
  readonly tenancy: Tenancy;
  /** `settingsKey` of the settings under which statements run. */
  readonly settingsKey: string;
}

/** The region's cache, as used by the reads of one viewer. */
export interface LoaderCaching {
  readonly cache: ReadCache;
  readonly tags: TagNames;
  readonly scope: CacheScope;
}

const settingsKeys = new WeakMap<readonly Setting[], string>();

/** The same text for the same settings; empty where there are none. */
export function settingsKey(settings: readonly Setting[]): string {
  if (settings.length === 0) return '';
  const known = settingsKeys.get(settings);
  if (known !== undefined) return known;
  const key = hashOf(settings.map(({ name, value }) => [name, value]));
  if (areLasting(settings)) settingsKeys.set(settings, key);
  return key;
}

/** A short hash; collisions can be neglected. */
export function hashOf(content: unknown): string {
  return hash('sha256', JSON.stringify(content), 'base64url').slice(0, 22);
}

/** Longer values are replaced in keys by their hash. */
const LONGEST_VALUES = 64;

export interface VariantInput {
  readonly kind: 'row' | 'slice' | 'count';
  readonly entity: Entity;
  readonly scope: CacheScope;
  /** Everything else on which the values depend, mainly arguments. */
  readonly content: () => unknown;
  /** Identifies the content, together with `name`, for the lifetime of the object. */
  readonly owner: object;
  readonly name: string;
}

/**
 * The maximum number of hashes (one per settings and tenant) kept for one content; the map is cleared when it is full.
 */
const MOST_BASES = 64;
const bases = new WeakMap<object, Map<string, string>>();

/** The hash is kept because it costs more than everything else that a cached read does with its key. */
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

/** The cache variants of one loader's keys. */
export interface Variants {
  /** Identifies the loader by entity, columns, arguments, settings and tenant. */
  readonly base: string;
  of(values: readonly unknown[]): string;
}

/**
 * Makes the variants of one loader's keys. They include the key's values, because a tag may cover rows with other
 * values (`tagFor`), which must not be confused.
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
  /** Null disables caching. */
  readonly cache: ReadCache | null;
  readonly keys: readonly CacheKey[];
  readonly keeping: Keeping;
  readonly codec: Codec<V>;
  /** Reads the values at these indexes of `keys` with statements sent to `via`. */
  readonly load: (places: readonly number[], via: Pick<Executor, 'query'>) => Promise<readonly V[]>;
  /** Whether the loaded values may be cached; by default they may. */
  readonly mayKeep?: (values: readonly V[]) => boolean;
}

/**
 * The values in the order of the keys. They come from the cache where it may be used and holds them. Errors of `load`
 * are thrown and never cached.
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

/** Values that were read together are cached together, with the lowest of their statements' positions. */
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
