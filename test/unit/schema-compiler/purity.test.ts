/** Which conditions can be trusted to answer the same for the same row, and which cannot. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { impurity } from '../../../src/schema-compiler/purity.ts';
import { type ScalarKind } from '../../../src/model/model.ts';

const KINDS: Readonly<Record<string, readonly [ScalarKind, string]>> = {
  id: ['bigint', 'bigint'],
  title: ['text', 'text'],
  status: ['enum', 'public.status'],
  mood: ['enum', '"Odd ""name"."Mo od"'],
  points: ['int', 'integer'],
  due_date: ['date', 'date'],
  created_at: ['timestamptz', 'timestamp with time zone'],
  urgent: ['bool', 'boolean'],
  extra: ['json', 'jsonb'],
  estimate: ['numeric', 'numeric'],
  user: ['text', 'text'],
  current_date: ['date', 'date'],
  tenant_id: ['uuid', 'uuid'],
  'Odd name': ['text', 'text'],
  e: ['text', 'text'],
  owner: ['text', 'text'],
  labels: ['text', 'text[]'],
};
const columns = new Map(
  Object.entries(KINDS).map(([name, [kind, sql]]) => [name, { type: { kind, sql, array: sql.endsWith('[]') } }]),
);

const ofField = (condition: string): string | null => impurity(condition, { table: 'tasks', columns, settings: null });
const ofPolicy = (condition: string): string | null =>
  impurity(condition, { table: 'tasks', columns, settings: new Set(['app.tenant_id', 'role']) });

describe('a condition that depends on the row alone', () => {
  for (const condition of [
    "status <> 'DONE'",
    'urgent',
    'NOT urgent AND (points > 3 OR points IS NULL)',
    'tasks.points = 3',
    '"tasks"."points" = 3',
    '"Odd name" = title',
    "title LIKE 'a%' AND title NOT ILIKE '%it''s%'",
    "status IN ('TODO', 'DOING')",
    "status = ANY (ARRAY['TODO'::status, 'DOING'::public.status])",
    'points BETWEEN 1 AND 9',
    'coalesce(points, 0) * 2 + 1 >= -1',
    "lower(title) = 'x'",
    'CASE WHEN urgent THEN points > 1 ELSE false END',
    "due_date < '2026-01-01'",
    "due_date < DATE '2026-01-01'",
    "due_date < '2026-01-01'::date",
    'created_at::date = due_date',
    '(created_at)::date = (due_date)::timestamp without time zone',
    "extra ->> 'kind' = 'a'",
    'extra @> \'{"a":1}\'::jsonb',
    'points IS DISTINCT FROM 3',
    'estimate::numeric(8, 2) > 1.5e3',
    'mood = \'x\'::"Odd ""name"."Mo od"',
    "labels && ARRAY['a', 'b']::text[]",
    'labels[1] = title',
    "status <> 'UNKNOWN'",
    "title = 'knowhow'",
    'cast(points AS text) = title',
    'e = title',
    '',
  ])
    it(`is found to be so: ${condition}`, () => assert.equal(ofField(condition), null));
});

describe('a condition that depends on more than the row', () => {
  const impure: readonly (readonly [string, RegExp])[] = [
    ["status <> 'DONE' AND due_date < current_date", /^depends on current_date$/],
    ['due_date < CURRENT_DATE', /current_date/],
    ['created_at > now()', /^calls now\(\)$/],
    ['created_at < clock_timestamp ( )', /^calls clock_timestamp/],
    ['created_at > localtimestamp', /localtimestamp/],
    ["due_date < 'today'", /may mean the moment/],
    ["created_at > 'NOW'::timestamptz", /may mean the moment/],
    ["created_at > ' tomorrow 10:00'", /may mean the moment/],
    ["created_at > 'allballs' AND due_date = ' Yesterday'", /may mean the moment/],
    ["due_date < ('to' || 'day')::date", /^casts to date/],
    ["due_date < 'to'\n'day'", /several pieces/],
    ['due_date < title::date', /^casts to date/],
    ['due_date < (title)::date', /^casts to date/],
    ["due_date < lower('TO')::date", /^casts to date/],
    ["created_at > (extra ->> 'at')::timestamp with time zone", /^casts to timestamp with time zone/],
    ['due_date = ANY (labels::date[])', /^casts to date/],
    ['due_date < cast(title AS date)', /^casts to date/],
    ["due_date < e'tod\\x61y'", /backslash/],
    ["due_date < E'x'", /right before/],
    ["due_date < U&'x'", /right before|& right after/],
    ['due_date < U&"x"', /right before|& right after/],
    ['EXISTS (SELECT 1 FROM projects)', /^calls exists/],
    ['points > (SELECT max(points) FROM tasks)', /query of its own/],
    ['points IN (SELECT 1)', /query of its own/],
    ['points IN (TABLE numbers)', /depends on table/],
    ['points > random()', /^calls random/],
    ['points > "random"()', /^calls random/],
    ['is_late(due_date)', /^calls is_late/],
    ['public.lower(title) = title', /depends on public\.lower/],
    ['tasks.is_late', /^depends on is_late$/],
    ['(tasks).is_late', /^depends on tasks/],
    ['(title).x', /^has \.$/],
    ['tasks IS NOT NULL', /^depends on tasks/],
    ['projects.id = 3', /depends on projects\.id/],
    ['user = title', /^depends on user$/],
    ['owner = current_user', /^depends on current_user$/],
    ["title = current_setting('app.tenant_id')", /^reads the setting app\.tenant_id$/],
    ['xmin = 3', /depends on xmin/],
    ['ctid IS NULL', /depends on ctid/],
    ['points = $1', /^has \$/],
    ['points > 1 -- note', /^has --$/],
    ['points /* 1 */ > 1', /^has \/\*$/],
    ['title = $$x$$', /^has \$/],
    ['title::regclass IS NOT NULL', /^casts to regclass/],
    ["like(title, 'x')", /^calls like/],
    ['urgent; DROP TABLE tasks', /^has ;$/],
    ["interval '1 day' > 'x'::xid", /^casts to xid/],
    ["age(created_at) > '1 day'", /^calls age/],
    ["created_at AT TIME ZONE 'UTC' > '2026-01-01'", /^depends on at$/],
  ];
  for (const [condition, why] of impure)
    it(`is found to be so: ${condition}`, () => assert.match(ofField(condition) ?? 'pure', why));
});

describe('a policy', () => {
  for (const condition of [
    "(tenant_id = (current_setting('app.tenant_id'::text))::uuid)",
    "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)",
    "title = current_setting('App.Tenant_ID', true)",
    '(owner = CURRENT_USER)',
    '((owner)::name = SESSION_USER)',
    'true',
  ])
    it(`may be ${condition}`, () => assert.equal(ofPolicy(condition), null));

  for (const [condition, why] of [
    [
      "(tenant_id = (current_setting('app.other'::text))::uuid)",
      /^reads the setting app\.other, which viewerSettings does not carry$/,
    ],
    ['(tenant_id = current_tenant())', /^calls current_tenant\(\)$/],
    ["title = current_setting('app.' || 'tenant_id')", /computed name/],
    ['title = current_setting(owner)', /computed name/],
    ["created_at > (current_setting('app.tenant_id'::text))::timestamptz", /^casts to timestamptz/],
    ['(id IN ( SELECT members.id FROM members))', /query of its own/],
    ['created_at > CURRENT_TIMESTAMP', /current_timestamp/],
  ] as const)
    it(`must not be ${condition}`, () => assert.match(ofPolicy(condition) ?? 'pure', why));
});
