/**
 * Owns the reference application with tenants kept apart, for tests: its SDL with `@tenant`, and things beside it that
 * have no tenant.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ResolverContext, type Row, type UserResolvers } from '../../src/index.ts';
import { type SdlFile } from '../../src/schema-compiler/files.ts';

const WORKSPACE = new URL('../../schema/workspace/', import.meta.url);

const COLUMNS: Readonly<Record<string, string>> = {
  Organization: 'id',
  Dashboard: 'id',
  User: 'organization_id',
  Project: 'organization_id',
  Task: 'organization_id',
  Comment: 'organization_id',
};

/** Rows of `bookmarks` belong to nobody and name tasks of anybody, existing or not. */
const EXTRA_SDL = `
extend type Query {
  bookmark(id: ID!): Bookmark
  tasks(filter: TaskFilter, orderBy: [TaskOrder!], first: Int, after: String, last: Int, before: String): TaskConnection! @list(orderBy: ["created_at"])
  taskList(projectId: ID, first: Int): [Task!]! @list(orderBy: ["title DESC"], limit: 20)
  taskCount(projectId: ID): Int! @count(of: "Task")
  projects: [Project!]! @list(limit: 200)
  "Custom, by SQL."
  tasksOf(projectId: ID!): [Task!]!
  "Custom, by loaders."
  titleOf(taskId: ID!): String
}

extend input TaskFilter { projectId: IDFilter }

extend type Mutation {
  createProject(input: CreateProjectInput!): ProjectPayload! @insert
  updateProject(id: ID!, input: UpdateProjectInput!): ProjectPayload! @update
  createOrganization(input: CreateOrganizationInput!): OrganizationPayload! @insert
  addBookmark(name: String!, projectId: ID): BookmarkPayload! @insert
}

input CreateProjectInput { organizationId: ID, ownerId: ID!, name: String!, description: String }
input UpdateProjectInput { organizationId: ID, ownerId: ID, name: String, description: String }
input CreateOrganizationInput { name: String!, slug: String! }
type ProjectPayload { project: Project, token: ConsistencyToken! }
type OrganizationPayload { organization: Organization, token: ConsistencyToken! }
type BookmarkPayload { bookmark: Bookmark, token: ConsistencyToken! }

type Bookmark @entity @key(fields: "id") {
  id: ID!
  name: String!
  task: Task @relation(from: ["task_id"], to: ["id"])
  certainTask: Task! @relation(from: ["task_id"], to: ["id"])
  comments: [Comment!]! @relation(from: ["task_id"], to: ["task_id"])
  commentPages(first: Int, after: String): CommentConnection! @relation(from: ["task_id"], to: ["task_id"], orderBy: ["created_at"])
  commentCount: Int! @count(of: "Comment", from: ["task_id"], to: ["task_id"])
}
`;

export function tenantFiles(): readonly SdlFile[] {
  const workspace = Object.entries(COLUMNS).reduce(
    (sdl, [type, column]) =>
      sdl.replace(new RegExp(`(type ${type} @entity(?:\\([^)]*\\))?)`), `$1 @tenant(column: "${column}")`),
    readFileSync(new URL('workspace.graphql', WORKSPACE), 'utf8'),
  );
  return [
    { name: 'workspace.graphql', body: workspace },
    { name: 'tenants.graphql', body: EXTRA_SDL },
  ];
}

/** A description of `stolen:7` makes the database itself move a project to organization 7. */
const EXTRA_SQL = `
CREATE TABLE bookmarks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT '', task_id bigint, project_id bigint REFERENCES projects);
CREATE INDEX ON projects (organization_id, id);
CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.description LIKE 'stolen:%' THEN NEW.organization_id := split_part(NEW.description, ':', 2)::bigint; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER steal BEFORE INSERT OR UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION steal();
`;

export function tenantSql(): readonly string[] {
  return [
    fileURLToPath(new URL('001_schema.sql', WORKSPACE)),
    fileURLToPath(new URL('002_data.sql', WORKSPACE)),
    EXTRA_SQL,
  ];
}

export const tenantResolvers: UserResolvers = {
  Query: {
    tasksOf: (_: unknown, { projectId }: { projectId: string }, context: ResolverContext): Promise<readonly Row[]> =>
      context.read('SELECT tasks.* FROM tasks WHERE project_id = $1 ORDER BY id', [projectId], {
        entity: 'Task',
        dependsOn: [`Task.projectId=${projectId}`],
      }),
    titleOf: async (_: unknown, { taskId }: { taskId: string }, context: ResolverContext): Promise<unknown> =>
      (await context.loaders.one('Task', ['id'], [taskId]))?.['title'] ?? null,
  },
};

/** What one tenant has, one of each, related to each other; or what nobody has. */
export interface Belongings {
  readonly organization: string;
  readonly user: string;
  readonly email: string;
  readonly project: string;
  readonly task: string;
  readonly comment: string;
  /** Of nobody, naming the task. */
  readonly bookmark: string;
}

export const GHOST: Omit<Belongings, 'bookmark'> = {
  organization: '987654321',
  user: '987654322',
  email: 'nobody@nowhere.example',
  project: '987654323',
  task: '987654324',
  comment: '987654325',
};
