-- The same rows as in the application's one database (../../002_data.sql), for the same `meridian.scale`; 1 is 500 projects, 20,000
-- tasks and 40,000 comments of 50 organizations and 2,000 users. What makes them is copied from there, and a test compares the rows.

-- A whole number from 0 to sides - 1 that looks random but follows from (seed, salt) alone: two rounds of a
-- multiply-and-shift hash kept within 63 bits.
CREATE FUNCTION pg_temp.dice(seed bigint, salt bigint, sides bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE x bigint := (seed * 1540483477 + salt * 668265263 + 374761393) & 4294967295;
BEGIN
  x := ((x # (x >> 15)) * 1540483477) & 4294967295;
  x := ((x # (x >> 13)) * 1103515245) & 4294967295;
  RETURN ((x # (x >> 16)) * sides) >> 32;
END $$;

-- Like dice, but low numbers come up far more often (the product of two even throws).
CREATE FUNCTION pg_temp.skewed(seed bigint, salt bigint, sides bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (pg_temp.dice(seed, salt, 65536) * pg_temp.dice(seed, salt + 1, 65536) * sides) >> 32
$$;

CREATE FUNCTION pg_temp.pick(seed bigint, salt bigint, words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT words[1 + pg_temp.dice(seed, salt, cardinality(words))]
$$;

CREATE TEMP TABLE amount AS
SELECT greatest(1, round(50 * scale))::bigint AS organizations, greatest(1, round(2000 * scale))::bigint AS users,
       greatest(1, round(500 * scale))::bigint AS projects, greatest(1, round(20000 * scale))::bigint AS tasks,
       greatest(1, round(40000 * scale))::bigint AS comments
FROM (SELECT coalesce(nullif(current_setting('meridian.scale', true), ''), '1')::numeric AS scale) AS setting;

-- The rows below know their organization.
ALTER TABLE tasks DISABLE TRIGGER task_organization;
ALTER TABLE comments DISABLE TRIGGER comment_organization;

INSERT INTO workspaces (organization_id) SELECT i FROM amount, generate_series(1, organizations) AS i;

-- People of each organization, numbered from 1: so that owners, assignees and authors belong where their work does. They are in
-- another database, and follow from their numbers.
CREATE TEMP TABLE member AS
SELECT organization_id, row_number() OVER w AS number, id AS user_id, count(*) OVER (PARTITION BY organization_id) AS of
FROM (
  SELECT i AS id, CASE WHEN i <= organizations THEN i ELSE 1 + pg_temp.skewed(i, 11, organizations) END AS organization_id
  FROM amount, generate_series(1, users) AS i
) AS users
WINDOW w AS (PARTITION BY organization_id ORDER BY id);
CREATE UNIQUE INDEX ON member (organization_id, number) INCLUDE (user_id, of);
ANALYZE member;

INSERT INTO projects (id, organization_id, owner_id, name, description, status, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT i, made.organization_id, owner.user_id, name, description, status::project_status, made_at, made_at
FROM (
  SELECT i,
         CASE WHEN i <= organizations THEN i ELSE 1 + pg_temp.skewed(i, 31, organizations) END AS organization_id,
         pg_temp.pick(i, 33, ARRAY['Customer portal', 'Mobile app', 'Billing', 'Onboarding', 'Data warehouse', 'Partner API', 'Search', 'Notifications', 'Reporting',
           'Warehouse scanner', 'Checkout', 'Identity', 'Support desk', 'Pricing', 'Audit log', 'Design system', 'Website', 'Internal tools', 'Localization', 'Incident response'])
         || pg_temp.pick(i, 34, ARRAY['', '', ' 2.0', ' refresh', ' migration', ' for EMEA', ' for Asia-Pacific', ' hardening', ' pilot', ' rollout', ' rewrite', ' Q3']) AS name,
         CASE WHEN pg_temp.dice(i, 35, 4) > 0 THEN
           pg_temp.pick(i, 36, ARRAY['Cut the time to first value in half.', 'Replace the old system before the contract ends.', 'Make it work for teams of five hundred.',
             'Everything the auditors asked for.', 'What our largest customer needs to renew.', 'Fewer clicks, fewer tickets.', 'One place instead of four spreadsheets.'])
         END AS description,
         CASE WHEN pg_temp.dice(i, 37, 10) < 7 THEN 'ACTIVE' WHEN pg_temp.dice(i, 37, 10) < 8 THEN 'PAUSED' ELSE 'ARCHIVED' END AS status,
         timestamptz '2024-01-08 09:00:00+00' + (i * 340 * 86400 / projects + pg_temp.dice(i, 38, 14400)) * interval '1 second' AS made_at
  FROM amount, generate_series(1, projects) AS i
) AS made
JOIN (SELECT DISTINCT organization_id, of FROM member) AS size USING (organization_id)
JOIN member AS owner ON owner.organization_id = made.organization_id AND owner.number = 1 + pg_temp.dice(i, 32, size.of)
ORDER BY i;

INSERT INTO tasks (id, organization_id, project_id, assignee_id, title, description, status, priority, estimate, labels, due_date, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT i, p.organization_id, made.project_id, CASE WHEN pg_temp.dice(i, 42, 10) < 9 THEN assignee.user_id END,
       title, made.description, made.status::task_status, priority, estimate, labels,
       -- Half have a due date, up to 120 days on; some planned far ahead, so that open work is not all overdue.
       CASE WHEN pg_temp.dice(i, 51, 10) < 5 THEN (made_at AT TIME ZONE 'UTC')::date + pg_temp.dice(i, 52, 120)::int
            WHEN pg_temp.dice(i, 51, 10) < 6 THEN date '2030-01-01' + pg_temp.dice(i, 52, 1460)::int END,
       made_at, made_at + CASE made.status WHEN 'TODO' THEN 0 ELSE pg_temp.dice(i, 53, 1000000) END * interval '1 second'
FROM (
  SELECT i,
         1 + pg_temp.skewed(i, 40, projects) AS project_id,
         pg_temp.pick(i, 43, ARRAY['Fix', 'Add', 'Rename', 'Document', 'Speed up', 'Remove', 'Test', 'Review', 'Migrate', 'Redesign', 'Measure', 'Automate', 'Translate', 'Investigate'])
         || ' ' ||
         pg_temp.pick(i, 44, ARRAY['the login redirect', 'CSV export', 'the invoice footer', 'email templates', 'the settings page', 'webhook retries', 'slow dashboard queries',
           'permission checks', 'the welcome tour', 'time zone handling', 'avatar uploads', 'the rate limiter', 'currency rounding', 'search ranking', 'the empty state',
           'background jobs', 'two-factor setup', 'address validation', 'the changelog', 'file attachments', 'keyboard shortcuts', 'nightly backups', 'the status badge', 'bulk editing'])
         || pg_temp.pick(i, 45, ARRAY['', '', '', ' on Safari', ' for admins', ' in the mobile app', ' before the release', ' for large accounts', ' in the API', ' (again)']) AS title,
         CASE WHEN pg_temp.dice(i, 46, 10) < 7 THEN
           pg_temp.pick(i, 47, ARRAY['Reported by three customers this week.', 'Came up in the retrospective.', 'Needed for the audit.', 'Blocks the next milestone.',
             'Nice to have, but people keep asking.', 'The workaround is documented; the fix is not.', 'See the notes from the design review.', 'Small, but it is the first thing a new user sees.'])
           || ' ' ||
           pg_temp.pick(i, 48, ARRAY['Keep the old behaviour behind a flag.', 'Done when the graph is flat for a week.', 'Talk to support before you start.', 'No schema change, please.',
             'Write down what you find.', 'A test that fails first would help.', 'Ship it in two steps.'])
         END AS description,
         CASE WHEN pg_temp.dice(i, 49, 100) < 45 THEN 'DONE' WHEN pg_temp.dice(i, 49, 100) < 62 THEN 'DOING' ELSE 'TODO' END AS status,
         pg_temp.skewed(i, 54, 10)::int AS priority,
         CASE WHEN pg_temp.dice(i, 56, 3) > 0 THEN (1 + pg_temp.skewed(i, 57, 64)) * 0.25 END AS estimate,
         CASE pg_temp.dice(i, 59, 4)
           WHEN 0 THEN '{}'::text[]
           WHEN 1 THEN ARRAY[pg_temp.pick(i, 60, ARRAY['bug', 'feature', 'chore', 'docs'])]
           WHEN 2 THEN ARRAY[pg_temp.pick(i, 60, ARRAY['bug', 'feature', 'chore', 'docs']), pg_temp.pick(i, 61, ARRAY['frontend', 'backend', 'infra', 'design'])]
           ELSE ARRAY[pg_temp.pick(i, 60, ARRAY['bug', 'feature', 'chore', 'docs']), pg_temp.pick(i, 61, ARRAY['frontend', 'backend', 'infra', 'design']),
                      pg_temp.pick(i, 62, ARRAY['customer', 'security', 'performance', 'accessibility'])]
         END AS labels,
         timestamptz '2025-01-06 07:00:00+00' + (i * 350 * 86400 / tasks + pg_temp.dice(i, 63, 3600)) * interval '1 second' AS made_at
  FROM amount, generate_series(1, tasks) AS i
  OFFSET 0 -- throw once, not wherever a column is mentioned
) AS made
JOIN projects AS p ON p.id = made.project_id
JOIN (SELECT DISTINCT organization_id, of FROM member) AS size ON size.organization_id = p.organization_id
JOIN member AS assignee ON assignee.organization_id = p.organization_id AND assignee.number = 1 + pg_temp.skewed(i, 64, size.of)
ORDER BY i;

INSERT INTO comments (id, organization_id, task_id, author_id, body, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT i, t.organization_id, t.id, author.user_id, body, t.created_at + after, t.created_at + after
FROM (
  SELECT i,
         1 + pg_temp.skewed(i, 70, tasks) AS task_id,
         pg_temp.pick(i, 72, ARRAY['I can reproduce this', 'Looks good to me', 'Moving this to next week', 'Done on staging', 'Could you check again', 'This is bigger than it looks',
           'Same for me', 'I pushed a first version', 'The customer confirmed', 'We agreed on the short version', 'No change since Monday', 'I will pair with you on it',
           'Let''s split this', 'Half of it is already there', 'Numbers attached', 'Waiting for access'])
         || pg_temp.pick(i, 73, ARRAY['.', '.', '!', ' – see the thread.', '; details in the ticket.', ', only on slow connections.', ', please have a look.', ' 👍', ', but the old path still works.', ' (third time).'])
         AS body,
         pg_temp.skewed(i, 74, 1500000) * interval '1 second' AS after
  FROM amount, generate_series(1, comments) AS i
  OFFSET 0
) AS made
JOIN tasks AS t ON t.id = made.task_id
JOIN (SELECT DISTINCT organization_id, of FROM member) AS size ON size.organization_id = t.organization_id
JOIN member AS author ON author.organization_id = t.organization_id AND author.number = 1 + pg_temp.skewed(i, 76, size.of)
ORDER BY i;

ALTER TABLE tasks ENABLE TRIGGER task_organization;
ALTER TABLE comments ENABLE TRIGGER comment_organization;

-- The next row gets the next number.
SELECT setval(pg_get_serial_sequence('projects', 'id'), projects), setval(pg_get_serial_sequence('tasks', 'id'), tasks),
       setval(pg_get_serial_sequence('comments', 'id'), comments)
FROM amount;

DROP TABLE member, amount;
DROP FUNCTION pg_temp.pick, pg_temp.skewed, pg_temp.dice;
ANALYZE workspaces, projects, tasks, comments;
