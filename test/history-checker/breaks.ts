/**
 * Owns what each mechanism is in the program's text, so that servers can be run without it: whoever checks histories
 * must notice.
 */

export interface Cut {
  /** End of the URL of the module, or of the path of the Lua script. */
  readonly file: string;
  /** There exactly once. */
  readonly text: string;
  readonly instead: string;
}

const GUARD = '/src/cache/guard.ts';
const LOCAL = '/src/cache/local.ts';
const FILL = '/src/redis/lua/fill.lua';
const LOOKUP = '/src/redis/lua/lookup.lua';
const APPLY = '/src/redis/lua/apply.lua';

const LOCAL_GUARD: readonly Cut[] = [
  { file: GUARD, text: '  if (tombstone !== null && isInvalidated(asOf, tombstone)) return false;\n', instead: '' },
];
const SHARED_GUARD: readonly Cut[] = [
  { file: FILL, text: "    if tombstone(KEYS[1], ARGV[i]) > asOf then return 'stale' end\n", instead: '' },
  { file: LOOKUP, text: '    if tombstone(KEYS[1], ARGV[place]) > asOf then return false end\n', instead: '' },
];
const LOCAL_TOMBSTONES: readonly Cut[] = [{ file: LOCAL, text: '      this.#tombstones.put(tag, at);\n', instead: '' }];
const SHARED_TOMBSTONES: readonly Cut[] = [
  { file: APPLY, text: "  redis.call('ZADD', key, 'GT', unpack(stones))\n", instead: '' },
];

/** What a primary shows is believed at once. */
const FLUSHED: readonly Cut[] = [
  {
    file: '/src/postgres/read/flush.ts',
    text: '  WHERE l.flushed < l.inserted AND NOT',
    instead: '  WHERE false AND l.flushed < l.inserted AND NOT',
  },
  { file: '/src/postgres/read/flush.ts', text: '  if (!isFlushed(row)) {', instead: '  if (false) {' },
  { file: '/src/postgres/read/position.ts', text: 'isFlushed: flushed >= at.lsn', instead: 'isFlushed: true' },
  { file: GUARD, text: '  return runOf(epoch) === run;', instead: '  return runOf(epoch) !== run || true;' },
];
/** Tags go out in the database's encoding, and are read as UTF-8 whatever they are. */
const TAGS: readonly Cut[] = [
  { file: '/src/postgres/write/commit.ts', text: '$2::bytea', instead: '$2::text' },
  {
    file: '/src/postgres/write/commit.ts',
    text: 'Buffer.from(JSON.stringify({ tags }))',
    instead: 'JSON.stringify({ tags })',
  },
  {
    file: '/src/postgres/wal/decode.ts',
    text: 'textOf(message.content) ?? UNREADABLE',
    instead: 'new TextDecoder().decode(message.content)',
  },
];

/** Changes of a table that write no change of a row are not heard of. */
const SCHEMA_CHANGES: readonly Cut[] = [
  {
    file: '/src/change/messages.ts',
    text: "  return 'ddl' in message ? { ...readDdl(message.ddl), tags } : { ...NOTHING, tags };\n",
    instead: '  return { ...NOTHING, tags };\n',
  },
];
const TRUNCATES: readonly Cut[] = [
  {
    file: '/src/change/invalidation.ts',
    text: "    if (change.kind === 'truncate') return named.addTable(table);\n",
    instead: "    if (change.kind === 'truncate') return;\n",
  },
];

/** Answers of whole queries are kept however long ago they were read. */
const ANSWER_GUARD: readonly Cut[] = [
  {
    file: '/src/cache/answers.ts',
    text: 'tombstone: this.#guard.tombstoneOf(item.tags, tables)',
    instead: 'tombstone: null',
  },
];
/** Nobody knows what they were made of. */
const ANSWER_DEPENDENCIES: readonly Cut[] = [
  {
    file: '/src/read/session/answer-basis.ts',
    text: '    for (const { tags } of keys) for (const tag of tags) this.#tags.add(tag);\n',
    instead: '',
  },
];

/** What is found without its tags stays there when it is made wrong. */
const SHORTCUTS: readonly Cut[] = [
  { file: LOCAL, text: '    if (kept.known !== null) this.#forget(kept.known);\n', instead: '' },
];

export const BREAKS: Readonly<Record<string, readonly Cut[]>> = {
  /** Whatever was read is kept, however long ago it was read (R4). */
  'fill-guard': [...LOCAL_GUARD, ...SHARED_GUARD],
  'fill-guard-of-processes': LOCAL_GUARD,
  'fill-guard-of-redis': SHARED_GUARD,
  /** The guard asks, and nothing was remembered. */
  tombstones: [...LOCAL_TOMBSTONES, ...SHARED_TOMBSTONES],
  'tombstones-of-processes': LOCAL_TOMBSTONES,
  'tombstones-of-redis': SHARED_TOMBSTONES,
  /** Followers do not notice that a message was missed. */
  'sequence-gap': [
    { file: GUARD, text: ' && next.sequence === last.sequence + 1 && next.previous === last.watermark;', instead: ';' },
  ],
  /** Whatever a primary shows is kept, and covered by tokens, before it is on its disk. */
  'flushed-before-shown': FLUSHED,
  'guard-of-answers': ANSWER_GUARD,
  'dependencies-of-answers': ANSWER_DEPENDENCIES,
  shortcuts: SHORTCUTS,
  /** Live queries are not told of changes. */
  'live-word': [{ file: '/src/live/queries.ts', text: ' query.changed(watermark);\n', instead: ';\n' }],
  /** What a live query has shown is no floor of its next answer. */
  'live-floor': [
    {
      file: '/src/live/query.ts',
      text: 'mergePositions(this.#shown, this.#deps.standing())',
      instead: 'NO_POSITIONS',
    },
  ],
  'tags-as-utf8': TAGS,
  'schema-changes': SCHEMA_CHANGES,
  truncates: TRUNCATES,
  /** Whatever is in a cache answers, wherever the region stands (R5). */
  'watermark-test': [
    { file: GUARD, text: '  return watermark >= floor.lsn || asOf >= floor.lsn;\n', instead: '  return true;\n' },
  ],
};
