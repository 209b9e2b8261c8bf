/**
 * Owns the schema that the GraphQL peers serve: of the reference application what the workloads ask for, with resolvers
 * as people write them.
 */
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { retitle } from './rows.mjs';

const SDL = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])

type Query {
  user(id: ID!): User
  task(id: ID!): Task
  dashboard(organizationId: ID!): Dashboard
}

type Mutation {
  updateTask(id: ID!, input: UpdateTaskInput!): UpdateTaskPayload!
}

type Organization @key(fields: "id") { id: ID! name: String! }
type User @key(fields: "id") { id: ID! organization: Organization! name: String! email: String! assignedTasks(first: Int!): TaskConnection! }
type Project @key(fields: "id") { id: ID! owner: User! name: String! }
enum TaskStatus { TODO DOING DONE }
type Task @key(fields: "id") { id: ID! project: Project! assignee: User title: String! status: TaskStatus! priority: Int! }
type TaskConnection { nodes: [Task!]! }
type Dashboard { openTasks: Int! doneTasks: Int! overdueTasks: Int! latestProjects: [Project!]! latestTasks: [Task!]! }
input UpdateTaskInput { title: String! }
type UpdateTaskPayload { task: Task }
`;

/** The only page size that the workloads ask for. @param {number} first */
const tenOnly = (first) => {
  if (first !== 10) throw new RangeError('this server has pages of ten');
};

/** @param {import('./loaders.mjs').Name} name @param {string} column */
const related =
  (name, column) =>
  (/** @type {any} */ row, /** @type {unknown} */ _, /** @type {any} */ { loaders }) =>
    row[column] === null ? null : loaders.load(name, row[column]);
/** @param {import('./loaders.mjs').Name} name */
const ofParent = (name) => related(name, 'id');
/** @param {import('./loaders.mjs').Name} name */
const reference =
  (name) =>
  (/** @type {any} */ { id }, /** @type {any} */ { loaders }) =>
    loaders.load(name, id);

export const schema = buildSubgraphSchema([
  {
    typeDefs: parse(SDL),
    resolvers: {
      Query: {
        user: (_, { id }, { loaders }) => loaders.load('users', id),
        task: (_, { id }, { loaders }) => loaders.load('tasks', id),
        dashboard: (_, { organizationId }, { loaders }) => loaders.load('organizations', organizationId),
      },
      Mutation: { updateTask: async (_, { id, input }) => ({ task: await retitle(id, input.title) }) },
      Organization: { __resolveReference: reference('organizations') },
      User: {
        __resolveReference: reference('users'),
        organization: related('organizations', 'organization_id'),
        assignedTasks: (user, { first }) => {
          tenOnly(first);
          return { user: user.id };
        },
      },
      TaskConnection: { nodes: related('tenTasksOfUser', 'user') },
      Project: { __resolveReference: reference('projects'), owner: related('users', 'owner_id') },
      Task: {
        __resolveReference: reference('tasks'),
        project: related('projects', 'project_id'),
        assignee: related('users', 'assignee_id'),
      },
      Dashboard: {
        openTasks: ofParent('openTasks'),
        doneTasks: ofParent('doneTasks'),
        overdueTasks: ofParent('overdueTasks'),
        latestProjects: ofParent('latestProjects'),
        latestTasks: ofParent('latestTasks'),
      },
    },
  },
]);
