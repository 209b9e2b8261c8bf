/**
 * Owns the check of row-level security: whether the policies of mapped tables apply to the role that viewers'
 * statements run as.
 */
import type pg from 'pg';
import { messageOf } from '../../base/errors.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { parseViewerSettings } from '../../config/viewer-settings.ts';
import { type Table } from '../../model/model.ts';
import { sqlStateOf } from '../read/error.ts';
import { closeClient, openClient } from '../connect/open.ts';

export interface SecurityTarget {
  readonly databaseUrl: string;
  readonly tables: readonly Table[];
  readonly viewerSettings: string;
  readonly connectMs: number;
  readonly statementMs: number;
}

type Say = (severity: 'ok' | 'warn' | 'error', what: string, fix?: string) => void;

interface RoleFacts {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
}

interface TableFacts extends Table {
  readonly view: boolean;
  /**
   * A view with `security_invoker`: the tables under it are read with the rights of the viewer's role, not the
   * owner's.
   */
  readonly invoker: boolean;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly policies: number;
  /** Whether row-level security applies to the role. */
  readonly active: boolean;
  readonly readable: boolean;
}

const ROLE_SQL =
  'SELECT rolname::text AS name, rolsuper AS superuser, rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user';

const TABLES_SQL = `
  SELECT m.schema, m.name, c.relkind IN ('v', 'm') AS view,
         EXISTS (SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean) AS invoker,
         c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
         CASE WHEN c.relkind IN ('r', 'p') THEN row_security_active(c.oid) ELSE false END AS active,
         has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM unnest($1::text[], $2::text[]) AS m (schema, name) JOIN pg_namespace n ON n.nspname = m.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m.name`;

/** Checks one server, since replicas have the same catalog. Read-only. */
export async function checkSecurity(target: SecurityTarget, say: Say): Promise<void> {
  const { databaseUrl, connectMs, statementMs, viewerSettings } = target;
  const parsed = parseViewerSettings(viewerSettings);
  const settings = 'settings' in parsed ? parsed.settings : [];
  const role = settings.find(({ name }) => name === 'role');
  const client = await openClient({ databaseUrl, applicationName: 'meridian check', connectMs, statementMs });
  try {
    await client.query('BEGIN READ ONLY');
    if (role && 'literal' in role && !(await takesOn(client, role.literal, say))) return;
    const [who] = (await client.query<RoleFacts>(ROLE_SQL)).rows;
    const { rows: tables } = await client.query<TableFacts>(TABLES_SQL, [
      target.tables.map(({ schema }) => schema),
      target.tables.map(({ name }) => name),
    ]);
    if (!who) return;
    if (role) sayUnreadable(who, tables, say);
    sayBypassed(who, tables, say);
    sayActive({ role: who, tables, carries: settings.length > 0, say });
  } finally {
    await closeClient(client);
  }
}

async function takesOn(client: pg.Client, role: string, say: Say): Promise<boolean> {
  try {
    await client.query("SELECT set_config('role', $1, true)", [role]);
    return true;
  } catch (error) {
    if (sqlStateOf(error) === null) throw error;
    say(
      'error',
      `The role ${role}, which viewerSettings names, cannot be taken on: ${messageOf(error)}.`,
      `Create it, and GRANT ${quoteIdentifier(role)} TO the role of databaseUrl.`,
    );
    return false;
  }
}

const named = (tables: readonly Table[]): string => tables.map(({ schema, name }) => `${schema}.${name}`).join(', ');

function sayUnreadable({ name }: RoleFacts, tables: readonly TableFacts[], say: Say): void {
  const unreadable = tables.filter(({ readable }) => !readable);
  if (unreadable.length > 0)
    say(
      'error',
      `The role ${name}, which viewerSettings names, may not read ${named(unreadable)}.`,
      `GRANT SELECT ON ${named(unreadable)} TO ${quoteIdentifier(name)}.`,
    );
}

/** Policies that are never applied appear to protect a table that is open. */
function sayBypassed({ name, superuser, bypasses }: RoleFacts, tables: readonly TableFacts[], say: Say): void {
  const idle = tables.filter(({ policies, enabled }) => policies > 0 && !enabled);
  if (idle.length > 0)
    say(
      'warn',
      `The policies of ${named(idle)} are never asked: row-level security is not enabled there.`,
      idle.map((table) => `ALTER TABLE ${named([table])} ENABLE ROW LEVEL SECURITY;`).join(' '),
    );
  const bypassed = tables.filter(({ policies, enabled, active }) => policies > 0 && enabled && !active);
  if (bypassed.length === 0) return;
  const elsewhere = 'Let servers connect as a role that is neither, or name one in viewerSettings as role:NAME';
  if (superuser || bypasses)
    say(
      'warn',
      `The policies of ${named(bypassed)} are never asked: the role ${name} ${superuser ? 'is a superuser' : 'has BYPASSRLS'}.`,
      `${elsewhere}.`,
    );
  else
    say(
      'warn',
      `The policies of ${named(bypassed)} are never asked: the role ${name} owns the tables.`,
      `${bypassed.map((table) => `ALTER TABLE ${named([table])} FORCE ROW LEVEL SECURITY;`).join(' ')} Or let servers connect as another role.`,
    );
}

interface SayActiveInput {
  readonly role: RoleFacts;
  readonly tables: readonly TableFacts[];
  readonly carries: boolean;
  readonly say: Say;
}

function sayActive({ role: { name }, tables, carries, say }: SayActiveInput): void {
  const active = tables.filter((table) => table.active);
  const closed = active.filter(({ policies }) => policies === 0);
  if (closed.length > 0)
    say(
      'warn',
      `Nobody sees a row of ${named(closed)}: row-level security is enabled there, and there is no policy.`,
      'CREATE POLICY … for it, or disable row-level security.',
    );
  const asked = active.filter(({ policies }) => policies > 0);
  if (asked.length > 0 && carries) say('ok', `Row-level security holds for the role ${name} on ${named(asked)}.`);
  else if (asked.length > 0)
    say(
      'warn',
      `Row-level security holds on ${named(asked)}, and the database is not told who the viewer is: policies answer everybody alike.`,
      'Set viewerSettings, as in app.tenant_id=tenant.',
    );
  else if (carries && tables.length > 0)
    say(
      'warn',
      'viewerSettings carry the viewer into the database, where no policy of a mapped table asks for it: they only keep viewers from sharing what is cached.',
      'Leave viewerSettings out, or create policies.',
    );
  const views = tables.filter(({ view, invoker }) => view && !invoker);
  if (views.length > 0 && carries)
    say(
      'warn',
      `${named(views)}: what a view shows is decided by the rights of its owner, whom the policies of the tables under it may let pass.`,
      views.map((view) => `ALTER VIEW ${named([view])} SET (security_invoker = true);`).join(' '),
    );
}
