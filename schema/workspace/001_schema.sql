-- The reference application's tables: who works on what.
-- Ids are bigint identities from 1. Rows of a tenant carry its organization_id; tasks and comments inherit it from
-- what they belong to, so that no client can put them elsewhere.

CREATE TYPE project_status AS ENUM ('ACTIVE', 'PAUSED', 'ARCHIVED');
CREATE TYPE task_status AS ENUM ('TODO', 'DOING', 'DONE');

CREATE TABLE organizations (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL,
  slug        text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id  bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
  name             text NOT NULL,
  email            text NOT NULL UNIQUE,
  bio              text,
  version          integer NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id  bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
  owner_id         bigint NOT NULL REFERENCES users,
  name             text NOT NULL,
  description      text,
  status           project_status NOT NULL DEFAULT 'ACTIVE',
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id  bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
  project_id       bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
  assignee_id      bigint REFERENCES users ON DELETE SET NULL,
  title            text NOT NULL,
  description      text,
  status           task_status NOT NULL DEFAULT 'TODO',
  priority         integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9), -- 9 is the most urgent
  estimate         numeric(8, 2) CHECK (estimate >= 0),                         -- hours
  labels           text[] NOT NULL DEFAULT '{}' CHECK (array_position(labels, NULL) IS NULL),
  due_date         date,
  version          integer NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE comments (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id  bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
  task_id          bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
  author_id        bigint NOT NULL REFERENCES users,
  body             text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);

-- Every relation has an index that begins with its columns and goes on in the order in which its rows are paged,
-- with the id last: one page is one short walk along the index.
CREATE INDEX users_of_organization ON users (organization_id, id);
CREATE INDEX users_of_organization_by_name ON users (organization_id, name, id);
CREATE INDEX projects_of_organization ON projects (organization_id, created_at, id);
CREATE INDEX projects_of_owner ON projects (owner_id, created_at, id);
CREATE INDEX tasks_of_project ON tasks (project_id, created_at, id);
CREATE INDEX tasks_of_project_by_status ON tasks (project_id, status, created_at, id);
CREATE INDEX tasks_of_assignee ON tasks (assignee_id, created_at, id);
CREATE INDEX tasks_of_assignee_by_status ON tasks (assignee_id, status, created_at, id);
CREATE INDEX tasks_of_organization ON tasks (organization_id, created_at, id);
CREATE INDEX tasks_of_organization_by_status ON tasks (organization_id, status);
CREATE INDEX tasks_open_by_due_date ON tasks (organization_id, due_date) WHERE status <> 'DONE';
CREATE INDEX comments_of_task ON comments (task_id, created_at, id);
CREATE INDEX comments_of_author ON comments (author_id, created_at, id);
CREATE INDEX comments_of_organization ON comments (organization_id, created_at, id);

CREATE FUNCTION task_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.organization_id := (SELECT organization_id FROM projects WHERE id = NEW.project_id);
  -- A project that does not exist: let the foreign key say so, not the NOT NULL of a column that no client knows.
  IF NEW.organization_id IS NULL THEN
    RAISE foreign_key_violation USING
      MESSAGE = format('project %s does not exist', NEW.project_id),
      TABLE = 'tasks', COLUMN = 'project_id', CONSTRAINT = 'tasks_project_id_fkey';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION comment_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.organization_id := (SELECT organization_id FROM tasks WHERE id = NEW.task_id);
  IF NEW.organization_id IS NULL THEN
    RAISE foreign_key_violation USING
      MESSAGE = format('task %s does not exist', NEW.task_id),
      TABLE = 'comments', COLUMN = 'task_id', CONSTRAINT = 'comments_task_id_fkey';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;

CREATE TRIGGER task_organization BEFORE INSERT OR UPDATE OF project_id, organization_id ON tasks
  FOR EACH ROW EXECUTE FUNCTION task_organization();
CREATE TRIGGER comment_organization BEFORE INSERT OR UPDATE OF task_id, organization_id ON comments
  FOR EACH ROW EXECUTE FUNCTION comment_organization();
CREATE TRIGGER touch BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON comments FOR EACH ROW EXECUTE FUNCTION touch();
