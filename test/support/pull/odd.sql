-- A database with what other people's databases have: odd names, odd keys, odd types, several schemas.
CREATE EXTENSION citext;
CREATE SCHEMA sales;
CREATE SCHEMA "Odd schema";
CREATE TYPE mood AS ENUM ('sad', 'very happy', 'PG-13', '2nd', '+', 'null');
CREATE TYPE level AS ENUM ('LOW', 'HIGH');
COMMENT ON TYPE mood IS 'How somebody feels.';
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN amount AS numeric(10, 2) NOT NULL;
CREATE TYPE place AS (street text, number integer);
CREATE TABLE people (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail email NOT NULL UNIQUE, feeling mood, feelings mood[], home place,
  tags text[] NOT NULL DEFAULT '{}', scores integer[], photo bytea, words tsvector GENERATED ALWAYS AS (to_tsvector('simple', mail)) STORED,
  address inet, "type" text, "not" text, "__x" text, "due date" date, "select" integer, "camelCase" integer, "1st" integer, details jsonb NOT NULL DEFAULT '{}',
  manager_id bigint REFERENCES people, born date, seen timestamptz DEFAULT now(), wakes time, ratio double precision, big bigint, uid uuid DEFAULT gen_random_uuid(), active boolean NOT NULL DEFAULT true);
COMMENT ON TABLE people IS 'Everybody who "matters".';
COMMENT ON COLUMN people.mail IS 'Where to write to.';
CREATE INDEX ON people (manager_id);
CREATE TABLE categories (category_id integer PRIMARY KEY, name text NOT NULL UNIQUE, parent_id integer REFERENCES categories);
CREATE INDEX ON categories (parent_id);
CREATE TABLE tasks (
  task_id serial PRIMARY KEY, title text NOT NULL, author_id bigint NOT NULL REFERENCES people, reviewer_id bigint REFERENCES people, category integer REFERENCES categories,
  level level NOT NULL DEFAULT 'LOW', price amount, created_at timestamp NOT NULL DEFAULT now());
CREATE INDEX ON tasks (author_id); CREATE INDEX ON tasks (reviewer_id); CREATE INDEX ON tasks (category);
CREATE TABLE task_tags (task_id integer REFERENCES tasks, tag text, PRIMARY KEY (task_id, tag));
CREATE TABLE followers (follower_id bigint REFERENCES people, followed_id bigint REFERENCES people, PRIMARY KEY (follower_id, followed_id));
CREATE INDEX ON followers (followed_id);
CREATE TABLE profiles (person_id bigint PRIMARY KEY REFERENCES people, motto text);
CREATE TABLE orders (region text, number integer, buyer bigint REFERENCES people (id), PRIMARY KEY (region, number));
CREATE INDEX ON orders (buyer);
CREATE TABLE sales.orders (id integer PRIMARY KEY, total amount, region text, number integer, FOREIGN KEY (region, number) REFERENCES orders);
CREATE INDEX ON sales.orders (region, number);
CREATE TABLE "Odd schema"."Odd table" ("Key" integer PRIMARY KEY, "a ""quoted"" name" text, owner_mail text REFERENCES people (mail));
CREATE INDEX ON "Odd schema"."Odd table" (owner_mail);
CREATE TABLE users (id integer PRIMARY KEY, name text, "Name" text);
CREATE TABLE "Users" (id integer PRIMARY KEY);
CREATE TABLE query (id integer PRIMARY KEY, task_filter text);
CREATE TABLE task_filters (id integer PRIMARY KEY);
CREATE TABLE series (id integer PRIMARY KEY, title text);
CREATE TABLE conflicts (id integer PRIMARY KEY);
CREATE TABLE log (line text);
CREATE TABLE pictures (id integer PRIMARY KEY, data bytea NOT NULL);
CREATE TABLE visits (at date NOT NULL, id integer NOT NULL, person_id bigint REFERENCES people, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX ON visits (person_id);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := coalesce(NEW.created_at, now()); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW open_tasks AS SELECT t.task_id AS id, t.title, p.mail AS author FROM tasks t JOIN people p ON p.id = t.author_id;
CREATE VIEW task_counts AS SELECT p.id AS person_id, count(*) AS tasks FROM people p JOIN tasks t ON t.author_id = p.id GROUP BY p.id;
CREATE VIEW all_names AS SELECT name FROM users UNION ALL SELECT name FROM categories;
CREATE VIEW task_pairs AS SELECT a.task_id AS id, b.title FROM tasks a JOIN tasks b ON b.author_id = a.author_id;
CREATE VIEW folded_pairs AS SELECT t.task_id AS id FROM tasks t JOIN categories c ON c.name::citext = t.title::citext;
CREATE VIEW left_pairs AS SELECT a.task_id AS id, p.mail FROM tasks a CROSS JOIN people p LEFT JOIN categories c ON p.id = a.author_id;

INSERT INTO people (mail, feeling, feelings, home, tags, scores, address, "type", "not", "__x", "due date", "select", "camelCase", "1st", details, manager_id, born, seen, wakes, ratio, big)
SELECT 'p' || i || '@x', (enum_range(NULL::mood))[1 + i % 6], ARRAY['sad', '+']::mood[], ROW('Main', i)::place, ARRAY['a', 't' || i], ARRAY[i, NULL], ('10.0.0.' || i)::inet, 'T' || i % 3, 'n', 'x' || i,
  date '2026-01-01' + i, i, i * 2, i * 3, jsonb_build_object('i', i), CASE WHEN i > 3 THEN 1 + i % 3 END, date '1990-01-01' + i, timestamptz '2026-01-01 10:00:00.123Z' + i * interval '1 hour', '09:30', i / 4.0, 9007199254740993 + i
FROM generate_series(1, 20) i;
INSERT INTO categories SELECT i, 'c' || i, CASE WHEN i > 1 THEN i / 2 END FROM generate_series(1, 7) i;
INSERT INTO tasks (title, author_id, reviewer_id, category, level, price) SELECT 'task ' || i, 1 + i % 20, CASE WHEN i % 2 = 0 THEN 1 + i % 5 END, 1 + i % 7, CASE i % 2 WHEN 0 THEN 'LOW' ELSE 'HIGH' END::level, i * 1.25 FROM generate_series(1, 40) i;
INSERT INTO task_tags SELECT 1 + i % 10, 'tag' || i FROM generate_series(1, 30) i;
INSERT INTO followers SELECT i, j FROM generate_series(1, 5) i, generate_series(1, 5) j WHERE i <> j;
INSERT INTO profiles SELECT i, 'motto ' || i FROM generate_series(1, 10) i;
INSERT INTO orders SELECT CASE i % 2 WHEN 0 THEN 'EU' ELSE 'US' END, i, i FROM generate_series(1, 8) i;
INSERT INTO sales.orders SELECT i, i * 10, 'EU', 2 FROM generate_series(1, 5) i;
INSERT INTO "Odd schema"."Odd table" SELECT i, 'q' || i, 'p' || i || '@x' FROM generate_series(1, 4) i;
INSERT INTO users SELECT i, 'u' || i, 'U' || i FROM generate_series(1, 3) i;
INSERT INTO "Users" SELECT i FROM generate_series(1, 3) i;
INSERT INTO query SELECT i, 'f' FROM generate_series(1, 2) i;
INSERT INTO task_filters VALUES (1);
INSERT INTO series VALUES (1, 'one');
INSERT INTO conflicts VALUES (1);
INSERT INTO visits SELECT date '2025-12-25' + i, i, i FROM generate_series(1, 12) i;
