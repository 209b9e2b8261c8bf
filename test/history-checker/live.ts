/**
 * Owns a history of live queries: subscribers in every region, who come back with the token of their last message, and
 * writers whose counters only grow. Whoever is shown a smaller one was shown something older; whoever is shown a text,
 * an odd number of tasks or nothing was shown what never was.
 */
import { sleep } from '../../src/base/clock.ts';
import { ask } from '../support/app.ts';
import { EventWatcher, SocketWatcher, type LiveMessage } from '../support/live.ts';
import { type Random } from '../support/random.ts';
import { PRIMARY, type Place } from './place.ts';

const TASKS = [1, 2, 3, 4, 5, 6] as const;
/** Written by mutations; the others by SQL. */
const MUTATED = 3;
const PROJECTS = [1, 2] as const;
const QUERIES: Readonly<Record<string, string>> = {
  task: 'subscription($id: ID!) { task(id: $id) { title project { name } } }',
  project: 'subscription($id: ID!) { project(id: $id) { name tasks(first: 2) { totalCount nodes { title } } } }',
  board: 'subscription($id: String!) { board(id: $id) { n } }',
};
/** What a subscriber may be told in place of an answer while something is out. */
const EXCUSED = /REGION_UNAVAILABLE|PRIMARY_UNAVAILABLE|CONSISTENCY_TIMEOUT|OVERLOADED/;

interface Task {
  readonly title: string;
  readonly project: { readonly name: string };
}
interface Project {
  readonly name: string;
  readonly tasks: { readonly totalCount: number; readonly nodes: readonly { readonly title: string }[] };
}

/** The counters that an answer shows; what is no counter is NaN. */
function countersOf(data: LiveMessage['data']): readonly number[] | null {
  const { task, project, board } = data as {
    task?: Task | null;
    project?: Project | null;
    board?: { n: number } | null;
  };
  if (task) return [task.title, task.project.name].map(Number);
  if (project) return [Number(project.name), project.tasks.totalCount];
  return board ? [board.n] : null;
}

export interface Phases {
  readonly isOver: () => boolean;
  /** Whether nobody writes any more. */
  readonly isQuiet: () => boolean;
}

export class Follower {
  readonly #place: Place;
  readonly #random: Random;
  readonly kind: string;
  readonly id: string;
  readonly violations: string[] = [];
  messages = 0;
  connections = 0;
  last: readonly number[] = [];
  #token = '';

  constructor(place: Place, random: Random, [kind, id]: readonly [string, string]) {
    [this.#place, this.#random, this.kind, this.id] = [place, random, kind, id];
  }

  /** While it is quiet, nobody comes again by themselves: a new answer would hide that a message is missing. */
  async run({ isOver, isQuiet }: Phases): Promise<void> {
    while (!isOver()) {
      const up = this.#place.servers.filter(({ isDown }) => !isDown);
      if (up.length > 0) await this.#follow(this.#random.pick(up).url, { isOver, isQuiet });
      await sleep(50 + this.#random.below(200));
    }
  }

  /** A failover took back what it has seen. */
  forget(): void {
    [this.#token, this.last] = ['', []];
  }

  async #follow(url: string, { isOver, isQuiet }: Phases): Promise<void> {
    const Watching = this.#random.below(2) === 0 ? EventWatcher : SocketWatcher;
    const headers: Record<string, string> = this.#token === '' ? {} : { 'consistency-token': this.#token };
    const until = performance.now() + 2_000 + this.#random.below(8_000);
    await using watcher = new Watching(url, { query: QUERIES[this.kind] ?? '', variables: { id: this.id }, headers });
    this.connections += 1;
    for (let taken = 0; !isOver(); await sleep(10)) {
      for (; taken < watcher.messages.length; taken += 1) this.#take(watcher.messages[taken] as LiveMessage, url);
      if (watcher.isComplete && watcher.messages.every(({ errors }) => errors === undefined))
        this.violations.push(`${this.kind} ${this.id} was told that it is complete`);
      if (watcher.hasEnded || (performance.now() > until && !isQuiet())) return this.#ended(watcher.error);
    }
  }

  #ended(error: unknown): void {
    const text = Array.isArray(error) ? JSON.stringify(error) : '';
    if (text !== '') this.#failed(text);
  }

  #failed(text: string): void {
    if (text.includes('CONSISTENCY_LOST')) this.forget();
    else if (!EXCUSED.test(text)) this.violations.push(`${this.kind} ${this.id} was told ${text}`);
  }

  #take({ data, errors, extensions }: LiveMessage, url: string): void {
    if (data === undefined) return this.#failed(JSON.stringify(errors));
    const shown = countersOf(data);
    const wrong = (what: string): void => {
      this.violations.push(
        `${what}: ${this.kind} ${this.id} at ${url}: ${JSON.stringify(data)} after ${this.last.join()}`,
      );
    };
    if (shown === null || errors !== undefined) return wrong('nothing, where there is something');
    if (shown.some(Number.isNaN) || (this.kind === 'project' && Number(shown[1]) % 2 === 1)) wrong('what never was');
    if (shown.some((counter, i) => counter < (this.last[i] ?? 0))) wrong('older');
    this.messages += 1;
    this.last = shown;
    const token = extensions?.consistency?.token;
    if (token === undefined) return wrong('no token');
    this.#token = token;
  }
}

export function followersOf(place: Place, random: Random): readonly Follower[] {
  const asked = [
    ...TASKS.map((id) => ['task', String(id)] as const),
    ...PROJECTS.map((id) => ['project', String(id)] as const),
    ['board', 'plain'] as const,
  ];
  return Array.from({ length: 4 }, () => asked.map((one) => new Follower(place, random, one))).flat();
}

type Query = (sql: string) => Promise<unknown>;

/** Everything that is counted begins at 0, with an even number of tasks in each project. */
export async function prepareCounters({ cluster }: Place, query: Query): Promise<void> {
  await query(`UPDATE tasks SET title = '0', project_id = 1 + id % 2; UPDATE projects SET name = '0';
    INSERT INTO tasks (organization_id, project_id, title) SELECT 1, id, '0' FROM projects p WHERE id IN (1, 2) AND (SELECT count(*) FROM tasks WHERE project_id = p.id) % 2 = 1`);
  await cluster.caughtUp();
  // The caches hear of it somewhat later.
  await sleep(2_000);
}

/** Plain SQL, some of it taken back. */
export async function writeBySql(query: Query, random: Random, isOver: () => boolean): Promise<number> {
  let commits = 0;
  const more = (table: string, column: string, id: number): string =>
    `UPDATE ${table} SET ${column} = (${column}::int + 1)::text WHERE id = ${id}`;
  for (; !isOver(); await sleep(random.below(60))) {
    const task = MUTATED + 1 + random.below(TASKS.length - MUTATED);
    const project = random.pick(PROJECTS);
    const insert = `INSERT INTO tasks (organization_id, project_id, title) VALUES (1, ${project}, '0')`;
    const sql = random.pick([
      more('tasks', 'title', task),
      more('projects', 'name', project),
      `${more('tasks', 'title', task)}; ${more('projects', 'name', project)}`,
      `${insert}; ${insert}`,
      `UPDATE tasks SET title = 'never' WHERE id = ${task}; ${insert}; ROLLBACK`,
    ]);
    await query(`BEGIN; ${sql}; COMMIT`).then(
      () => (commits += 1),
      () => undefined,
    );
  }
  return commits;
}

/**
 * Mutations, at any server. A row whose mutation has no known outcome is left alone from then on: that one may still
 * come.
 */
export async function writeByMutation(
  place: Place,
  random: Random,
  { began, isOver }: { readonly began: ReadonlyMap<string, string>; readonly isOver: () => boolean },
): Promise<number> {
  const next = new Map(
    TASKS.slice(0, MUTATED).map((id) => [id as number, Number(began.get(`task ${id}`)?.split(',')[0]) + 1]),
  );
  let commits = 0;
  for (; !isOver(); await sleep(random.below(80))) {
    const up = place.servers.filter(({ isDown }) => !isDown);
    if (up.length === 0) continue;
    const ids = [...next.keys()];
    const id = random.below(3) === 0 || ids.length === 0 ? null : random.pick(ids);
    const mutation =
      id === null
        ? 'mutation { bump(id: "plain", by: "somebody") { n } }'
        : `mutation { updateTask(id: ${id}, input: { title: "${next.get(id)}" }) { task { id } } }`;
    try {
      const { errors } = await ask(random.pick(up).url, mutation);
      if (errors.length > 0) throw new Error(errors[0]?.message);
      commits += 1;
      if (id !== null) next.set(id, (next.get(id) ?? 0) + 1);
    } catch {
      if (id !== null) next.delete(id);
    }
  }
  return commits;
}

/** What the database has for each of them. */
export async function truthOf(
  query: (sql: string) => Promise<readonly Record<string, unknown>[]>,
): Promise<ReadonlyMap<string, string>> {
  const rows =
    await query(`SELECT 'task ' || t.id AS name, t.title || ',' || p.name AS counters FROM tasks t JOIN projects p ON p.id = t.project_id
    UNION ALL SELECT 'project ' || p.id, p.name || ',' || (SELECT count(*) FROM tasks WHERE project_id = p.id) FROM projects p
    UNION ALL SELECT 'board ' || id, n::text FROM boards`);
  return new Map(rows.map(({ name, counters }) => [String(name), String(counters)]));
}

export async function leftBehind({ servers }: Place): Promise<readonly string[]> {
  const figures = await Promise.all(
    servers.map(async ({ url, name }) => {
      const text = await (await fetch(url.replace('/graphql', '/metrics'))).text();
      return [...text.matchAll(/^meridian_live_(?:subscribers|queries) (\d+)$/gm)]
        .filter(([, count]) => count !== '0')
        .map(([line]) => `${name}: ${line}`);
    }),
  );
  return figures.flat();
}

export const DATABASE_OF = (place: Place): string => place.dsn(PRIMARY, PRIMARY);
