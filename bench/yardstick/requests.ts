/**
 * Owns the sequences of requests that workloads send, and what is right for each: the same for every server, in the
 * same order.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  DASHBOARD,
  DASHBOARD_KEPT,
  ENTITIES,
  HOME,
  ONE_TASK,
  ORGANIZATIONS,
  PAIR,
  RETITLE,
  TASKS,
} from '../support/queries.ts';

export type Variables = Readonly<Record<string, unknown>>;
// Answers of GraphQL, whose shape the queries above say.
export type Data = Readonly<Record<string, unknown>>;

/** What the data has that the sequences are made of. */
export interface Facts {
  /** Users with ten tasks or more. */
  readonly users: readonly string[];
}

export interface Requests {
  readonly query: string;
  /**
   * Sent once each they bring everything that the others ask for into a cache. Their answers are the parts of expected
   * ones.
   */
  readonly parts: readonly Variables[];
  /** Of the n-th request. */
  variables(n: number): Variables;
  /**
   * Whether the n-th request is answered by `data`. `seen`: what the same client was shown before, for workloads in
   * which data changes.
   */
  isRight(
    n: number,
    data: Data,
    context: { readonly parts: readonly Data[]; readonly seen: Map<string, number> },
  ): boolean;
}

export const HOT_USERS = 200;
const HOT_TASKS = 5_000;
export const MILLION = 1_000_000;
const REPRESENTATIONS = 100;
/** Odd, not divisible by five: multiples of it meet each of a million numbers once. */
const STRIDE = 730_199;

/** A number from 0 to `sides` - 1 that looks random but follows from `n`. */
export function dice(n: number, sides: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0xc2b2ae35);
  return Math.floor((((x ^ (x >>> 13)) >>> 0) / 2 ** 32) * sides);
}

/** Requests over a few sets of variables, again and again. */
function over(query: string, parts: readonly Variables[]): Requests {
  const place = (n: number): number => dice(n, parts.length);
  return {
    query,
    parts,
    variables: (n) => parts[place(n)] ?? {},
    isRight: (n, data, { parts: answers }) => isDeepStrictEqual(data, answers[place(n)]),
  };
}

/** Pairs of a user and a task, each pair once in a million requests. */
function pairs({ users }: Facts): Requests {
  const place = (n: number): number => (n * STRIDE) % MILLION;
  const user = (n: number): number => place(n) % HOT_USERS;
  const task = (n: number): number => Math.floor(place(n) / HOT_USERS);
  return {
    query: PAIR,
    parts: Array.from({ length: HOT_TASKS }, (_, i) => ({ user: users[i % HOT_USERS], task: String(i + 1) })),
    variables: (n) => ({ user: users[user(n)], task: String(task(n) + 1) }),
    isRight: (n, data, { parts }) =>
      isDeepStrictEqual(data, { user: parts[user(n)]?.['user'], task: parts[task(n)]?.['task'] }),
  };
}

/** A hundred tasks of all, as a gateway asks for them. */
function entities(): Requests {
  const representations = (ids: readonly number[]): Variables => ({
    representations: ids.map((i) => ({ __typename: 'Task', id: String(i + 1) })),
  });
  const drawn = (n: number): number[] =>
    Array.from({ length: REPRESENTATIONS }, (_, i) => dice(n * REPRESENTATIONS + i, TASKS));
  const entitiesOf = (data: Data | undefined): readonly unknown[] => (data?.['_entities'] ?? []) as unknown[];
  return {
    query: ENTITIES,
    parts: Array.from({ length: TASKS / REPRESENTATIONS }, (_, part) =>
      representations(Array.from({ length: REPRESENTATIONS }, (__, i) => part * REPRESENTATIONS + i)),
    ),
    variables: (n) => representations(drawn(n)),
    isRight: (n, data, { parts }) =>
      isDeepStrictEqual(
        entitiesOf(data),
        drawn(n).map((i) => entitiesOf(parts[Math.floor(i / REPRESENTATIONS)])[i % REPRESENTATIONS]),
      ),
  };
}

/** Rows that were added to the reference application's, whose titles follow from their ids. */
export function millionthTitle(id: number | string): string {
  return `Task ${id} of a million`;
}

function million(): Requests {
  const id = (n: number): string => String(TASKS + 1 + dice(n, MILLION));
  return {
    query: ONE_TASK,
    parts: [],
    variables: (n) => ({ id: id(n) }),
    isRight: (n, data) =>
      isDeepStrictEqual(data, { task: { id: id(n), title: millionthTitle(id(n)), status: 'TODO' } }),
  };
}

const FEW = 1_000;

/** Few of the million, again and again. */
function fewOfMillion(): Requests {
  return over(
    ONE_TASK,
    Array.from({ length: FEW }, (_, i) => ({ id: String(TASKS + 1 + i) })),
  );
}

/** Requests that read so many of the million, each once. */
export function firstOfMillion(count: number): Pick<Requests, 'query' | 'parts'> {
  const each = 200;
  const representation =
    (part: number) =>
    (_: unknown, i: number): Variables => ({ __typename: 'Task', id: String(TASKS + 1 + part * each + i) });
  return {
    query:
      'query First($representations: [_Any!]!) { _entities(representations: $representations) { ... on Task { title } } }',
    parts: Array.from({ length: count / each }, (_, part) => ({
      representations: Array.from({ length: each }, representation(part)),
    })),
  };
}

function retitles(): Requests {
  const id = (n: number): string => String(1 + dice(n, TASKS));
  return {
    query: RETITLE,
    parts: [],
    variables: (n) => ({ id: id(n), title: `title ${n}` }),
    isRight: (n, data) => isDeepStrictEqual(data, { updateTask: { task: { id: id(n), title: `title ${n}` } } }),
  };
}

interface TitledTask {
  readonly id: string;
  title: string;
}

interface HomeData {
  readonly user: { readonly assignedTasks: { readonly nodes: TitledTask[] } };
}

const WRITTEN = 'write ';

/** The title of the `count`-th write. */
export function writtenTitle(count: number): string {
  return `${WRITTEN}${count}`;
}

/** Tasks that the parts of a workload over users show, which writers change. */
export function shownTasks(parts: readonly Data[]): string[] {
  return [
    ...new Set(parts.flatMap((data) => (data as unknown as HomeData).user.assignedTasks.nodes.map(({ id }) => id))),
  ];
}

/** As `over`, but titles change meanwhile: no client may be shown an older one than before. */
function changing(facts: Facts): Requests {
  const reads = over(
    HOME,
    facts.users.map((id) => ({ id })),
  );
  const untitled = (data: Data | undefined): unknown => {
    const copy = structuredClone(data) as unknown as HomeData;
    for (const task of copy.user.assignedTasks.nodes) task.title = '';
    return copy;
  };
  return {
    ...reads,
    isRight: (n, data, { parts, seen }) => {
      for (const { id, title } of (data as unknown as HomeData).user.assignedTasks.nodes) {
        const count = title.startsWith(WRITTEN) ? Number(title.slice(WRITTEN.length)) : -1;
        if (count < (seen.get(id) ?? -1)) return false;
        seen.set(id, count);
      }
      return isDeepStrictEqual(untitled(data), untitled(parts[dice(n, parts.length)]));
    },
  };
}

const KINDS = {
  home: ({ users }: Facts): Requests =>
    over(
      HOME,
      users.map((id) => ({ id })),
    ),
  pairs,
  dashboard: (): Requests => over(DASHBOARD, organizations()),
  dashboardKept: (): Requests => over(DASHBOARD_KEPT, organizations()),
  entities,
  million,
  fewOfMillion,
  retitles,
  changing,
};

export type RequestKind = keyof typeof KINDS;

function organizations(): Variables[] {
  return Array.from({ length: ORGANIZATIONS }, (_, i) => ({ id: String(i + 1) }));
}

export function requestsOf(kind: RequestKind, facts: Facts): Requests {
  return KINDS[kind](facts);
}
