import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Row } from '../../../src/model/model.ts';
import type { ResolverContext } from '../../../src/graphql/context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** Whole number of 64 bits, as a string of digits. */
  BigInt: { input: string; output: string; }
  /** Proof of how fresh an answer was. Opaque: send it back in the `consistency-token` header, and nothing older will be shown. */
  ConsistencyToken: { input: string; output: string; }
  /** Calendar day: `2026-01-31`. */
  Date: { input: string; output: string; }
  /** Moment in time, ISO 8601 in UTC: `2026-01-31T09:30:00.123456Z`. */
  DateTime: { input: string; output: string; }
  /** Exact decimal number, as a string. A column with a scale, such as `numeric(10,2)`, rounds what is stored in it. */
  Decimal: { input: string; output: string; }
  /** Any JSON value. */
  JSON: { input: unknown; output: unknown; }
  /** Date and time of day without a time zone: `2026-01-31T09:30:00`. */
  LocalDateTime: { input: string; output: string; }
  /** Time of day: `09:30:00`. */
  Time: { input: string; output: string; }
  /** UUID: `0e37df36-f698-11e6-8dd4-cb9ced3df976`. */
  UUID: { input: string; output: string; }
  _FieldSet: { input: string; output: string; }
};

export type AddCommentInput = {
  readonly authorId: Scalars['ID']['input'];
  readonly body: Scalars['String']['input'];
  readonly taskId: Scalars['ID']['input'];
};

export type AddCommentPayload = {
  readonly comment?: Maybe<Comment>;
  readonly token: Scalars['ConsistencyToken']['output'];
};

export type BigIntFilter = {
  readonly eq?: InputMaybe<Scalars['BigInt']['input']>;
  readonly gt?: InputMaybe<Scalars['BigInt']['input']>;
  readonly gte?: InputMaybe<Scalars['BigInt']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['BigInt']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['BigInt']['input']>;
  readonly lte?: InputMaybe<Scalars['BigInt']['input']>;
  readonly ne?: InputMaybe<Scalars['BigInt']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['BigInt']['input']>>;
};

export type BooleanFilter = {
  readonly eq?: InputMaybe<Scalars['Boolean']['input']>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly ne?: InputMaybe<Scalars['Boolean']['input']>;
};

export type Comment = {
  readonly author: User;
  readonly body: Scalars['String']['output'];
  readonly createdAt: Scalars['DateTime']['output'];
  readonly id: Scalars['ID']['output'];
  readonly task: Task;
  readonly updatedAt: Scalars['DateTime']['output'];
};

export type CommentConnection = {
  readonly edges: ReadonlyArray<CommentEdge>;
  readonly nodes: ReadonlyArray<Comment>;
  readonly pageInfo: PageInfo;
  readonly totalCount: Scalars['Int']['output'];
};

export type CommentEdge = {
  readonly cursor: Scalars['String']['output'];
  readonly node: Comment;
};

/** What became of one column: whose value was taken, and by which rule where both sides had changed it. */
export type ConflictFieldRecord = {
  readonly column: Scalars['String']['output'];
  readonly rule?: Maybe<Scalars['String']['output']>;
  readonly taken: Scalars['String']['output'];
};

export type ConflictOutcome =
  /** The row was deleted although its author had not seen the latest version. */
  | 'DELETED'
  /** The application's handler decided. */
  | 'HANDLED'
  /** The row that was there stayed, and was the insert's answer. */
  | 'KEPT'
  /** Both sides' changes are in the row, by the rules of its fields. */
  | 'MERGED'
  /** The write won over what it had not seen. */
  | 'OVERWRITTEN'
  /** The write was refused. */
  | 'REJECTED'
  /** The deleted row came back with the update. */
  | 'RESTORED'
  /** The row that was there took the values of the insert. */
  | 'UPDATED';

export type ConflictPolicy =
  /** A function of the application decides. */
  | 'HANDLER'
  /** The write wins. */
  | 'LAST_WRITE_WINS'
  /** Fields that only one side has changed are taken from that side; the others follow their rule. */
  | 'MERGE'
  /** The write is refused, with the row as it stands. */
  | 'REJECT';

/** Why a write was refused that an object of your schema tells of (a field of a payload whose type has `reason: ConflictReason!`). */
export type ConflictReason =
  /** Somebody has changed the row since the version that the writer saw. */
  | 'CHANGED'
  /** The row is gone. */
  | 'DELETED'
  /** A row with that key is there already. */
  | 'EXISTS'
  /** The version that the writer saw is not kept any more, so that nothing can be compared with it. */
  | 'VERSION_UNKNOWN';

/** One conflict and how it ended. Rows are shown by their columns, as they were then. */
export type ConflictRecord = {
  readonly at: Scalars['DateTime']['output'];
  /** The row as the writer had seen it; null where that was not kept. */
  readonly base?: Maybe<Scalars['JSON']['output']>;
  /** The row that the write met; null where it was gone. */
  readonly current?: Maybe<Scalars['JSON']['output']>;
  readonly entity: Scalars['String']['output'];
  readonly fields: ReadonlyArray<ConflictFieldRecord>;
  readonly id: Scalars['ID']['output'];
  /** What the write gave. */
  readonly incoming: Scalars['JSON']['output'];
  /** The mutation that met the conflict. */
  readonly mutation: Scalars['String']['output'];
  readonly newVersion?: Maybe<Scalars['BigInt']['output']>;
  readonly outcome: ConflictOutcome;
  readonly policy: ConflictPolicy;
  /** Why it was refused; null where it was not. */
  readonly reason?: Maybe<ConflictReason>;
  /** Region whose server resolved it. */
  readonly region: Scalars['String']['output'];
  /** The row that came of it; null where there is none. */
  readonly result?: Maybe<Scalars['JSON']['output']>;
  /** The primary key, its values joined by commas; null where the row was gone and its key is not known. */
  readonly rowId?: Maybe<Scalars['String']['output']>;
  /** The version that the writer had seen, the one that it met, and the one that came of it. */
  readonly seenVersion?: Maybe<Scalars['BigInt']['output']>;
  /** The subgraph that keeps the record; null where its server has no name. */
  readonly subgraph?: Maybe<Scalars['String']['output']>;
  readonly tenant?: Maybe<Scalars['String']['output']>;
  readonly version?: Maybe<Scalars['BigInt']['output']>;
  /** Id and tenant of the viewer whose write it was. */
  readonly viewer?: Maybe<Scalars['String']['output']>;
  readonly winner: ConflictWinner;
};

export type ConflictRule =
  /** Numbers: both differences count. */
  | 'ADD'
  /** Lists and text: what this write has added comes after what is there. */
  | 'APPEND'
  /** This write's value. */
  | 'LAST_WRITE_WINS'
  /** The greater value. */
  | 'MAX'
  /** The lesser value. */
  | 'MIN'
  /** The write is refused. */
  | 'REJECT'
  /** Lists as sets: what either side has added is in, what either side has removed is out. */
  | 'UNION';

export type ConflictWinner =
  /** Each in part. */
  | 'BOTH'
  /** The row that it met. */
  | 'CURRENT'
  /** The write that met the conflict. */
  | 'INCOMING';

export type ConsistencyLevel =
  /** At most `maxLagMs` behind the primary. */
  | 'BOUNDED'
  /** Whatever the region has. */
  | 'EVENTUAL'
  /** Nothing older than the request's consistency token. */
  | 'SESSION'
  /** As SESSION or STRONG, and the whole operation sees one moment. */
  | 'SNAPSHOT'
  /** Nothing older than the primary at the moment of the request. */
  | 'STRONG';

export type CreateTaskInput = {
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  readonly description?: InputMaybe<Scalars['String']['input']>;
  readonly dueDate?: InputMaybe<Scalars['Date']['input']>;
  /** Hours. */
  readonly estimate?: InputMaybe<Scalars['Decimal']['input']>;
  readonly labels?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** From 0 to 9; 9 is the most urgent. */
  readonly priority?: InputMaybe<Scalars['Int']['input']>;
  readonly projectId: Scalars['ID']['input'];
  readonly status?: InputMaybe<TaskStatus>;
  readonly title: Scalars['String']['input'];
};

export type CreateTaskPayload = {
  readonly task?: Maybe<Task>;
  readonly token: Scalars['ConsistencyToken']['output'];
};

/** An organization once more, as a page shows it. */
export type Dashboard = {
  readonly doneTasks: Scalars['Int']['output'];
  readonly latestProjects: ReadonlyArray<Project>;
  readonly latestTasks: ReadonlyArray<Task>;
  readonly openTasks: Scalars['Int']['output'];
  readonly organization: Organization;
  readonly overdueTasks: Scalars['Int']['output'];
};

export type DateFilter = {
  readonly eq?: InputMaybe<Scalars['Date']['input']>;
  readonly gt?: InputMaybe<Scalars['Date']['input']>;
  readonly gte?: InputMaybe<Scalars['Date']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['Date']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['Date']['input']>;
  readonly lte?: InputMaybe<Scalars['Date']['input']>;
  readonly ne?: InputMaybe<Scalars['Date']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['Date']['input']>>;
};

export type DateTimeFilter = {
  readonly eq?: InputMaybe<Scalars['DateTime']['input']>;
  readonly gt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly gte?: InputMaybe<Scalars['DateTime']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['DateTime']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly lte?: InputMaybe<Scalars['DateTime']['input']>;
  readonly ne?: InputMaybe<Scalars['DateTime']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['DateTime']['input']>>;
};

export type DecimalFilter = {
  readonly eq?: InputMaybe<Scalars['Decimal']['input']>;
  readonly gt?: InputMaybe<Scalars['Decimal']['input']>;
  readonly gte?: InputMaybe<Scalars['Decimal']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['Decimal']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['Decimal']['input']>;
  readonly lte?: InputMaybe<Scalars['Decimal']['input']>;
  readonly ne?: InputMaybe<Scalars['Decimal']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['Decimal']['input']>>;
};

export type DeleteTaskPayload = {
  /** Why nothing was changed: the row is not as the writer saw it. */
  readonly conflict?: Maybe<TaskConflict>;
  readonly task?: Maybe<Task>;
  readonly token: Scalars['ConsistencyToken']['output'];
};

export type Durability =
  /** The primary's disk. */
  | 'LOCAL'
  /** Its synchronous replicas show it: it survives the loss of the primary, and is visible there. */
  | 'REMOTE_APPLY'
  /** Also the operating systems of its synchronous replicas. */
  | 'REMOTE_WRITE';

export type FloatFilter = {
  readonly eq?: InputMaybe<Scalars['Float']['input']>;
  readonly gt?: InputMaybe<Scalars['Float']['input']>;
  readonly gte?: InputMaybe<Scalars['Float']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['Float']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['Float']['input']>;
  readonly lte?: InputMaybe<Scalars['Float']['input']>;
  readonly ne?: InputMaybe<Scalars['Float']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['Float']['input']>>;
};

export type IdFilter = {
  readonly eq?: InputMaybe<Scalars['ID']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly ne?: InputMaybe<Scalars['ID']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
};

export type IntFilter = {
  readonly eq?: InputMaybe<Scalars['Int']['input']>;
  readonly gt?: InputMaybe<Scalars['Int']['input']>;
  readonly gte?: InputMaybe<Scalars['Int']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['Int']['input']>;
  readonly lte?: InputMaybe<Scalars['Int']['input']>;
  readonly ne?: InputMaybe<Scalars['Int']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
};

/** For columns that hold an array of whole numbers. */
export type IntListFilter = {
  readonly eq?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  readonly has?: InputMaybe<Scalars['Int']['input']>;
  readonly hasAll?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  readonly hasAny?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
};

export type LocalDateTimeFilter = {
  readonly eq?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly gt?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly gte?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['LocalDateTime']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly lte?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly ne?: InputMaybe<Scalars['LocalDateTime']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['LocalDateTime']['input']>>;
};

export type MadeType =
  /** `CreateTaskInput`, and any other input that is made for an `@insert`. */
  | 'CREATE'
  /** `TaskFilter`. */
  | 'FILTER'
  /** `TaskOrder`. */
  | 'ORDER'
  /** `UpdateTaskInput`, and any other input that is made for an `@update`. */
  | 'UPDATE';

export type Mutation = {
  readonly addComment: AddCommentPayload;
  readonly createTask: CreateTaskPayload;
  readonly deleteTask: DeleteTaskPayload;
  readonly updateTask: UpdateTaskPayload;
  readonly updateUser: UpdateUserPayload;
};


export type MutationAddCommentArgs = {
  input: AddCommentInput;
};


export type MutationCreateTaskArgs = {
  input: CreateTaskInput;
};


export type MutationDeleteTaskArgs = {
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
};


export type MutationUpdateTaskArgs = {
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
  input: UpdateTaskInput;
};


export type MutationUpdateUserArgs = {
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
  input: UpdateUserInput;
};

export type OnDeleteChanged =
  /** The row goes all the same. */
  | 'DELETE'
  /** The delete is refused, with the row as it stands. */
  | 'REJECT';

export type OnInsertExisting =
  /** The row that is there stays as it is, and is the answer. */
  | 'KEEP'
  /** The insert is refused, with the row that is there. */
  | 'REJECT'
  /** The row that is there takes the given values. */
  | 'UPDATE';

export type OnUpdateDeleted =
  /** The update is refused. */
  | 'REJECT'
  /** The row comes back as this writer saw it last, with the update. */
  | 'RESTORE';

export type Organization = {
  readonly createdAt: Scalars['DateTime']['output'];
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly projects: ProjectConnection;
  readonly slug: Scalars['String']['output'];
  readonly updatedAt: Scalars['DateTime']['output'];
  readonly users: UserConnection;
};


export type OrganizationProjectsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ReadonlyArray<ProjectOrder>>;
  status?: InputMaybe<ProjectStatus>;
};


export type OrganizationUsersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<UserFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ReadonlyArray<UserOrder>>;
};

export type OrganizationConnection = {
  readonly edges: ReadonlyArray<OrganizationEdge>;
  readonly nodes: ReadonlyArray<Organization>;
  readonly pageInfo: PageInfo;
  readonly totalCount: Scalars['Int']['output'];
};

export type OrganizationEdge = {
  readonly cursor: Scalars['String']['output'];
  readonly node: Organization;
};

/** Where a page lies in its connection (Relay cursor connections). */
export type PageInfo = {
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  readonly hasNextPage: Scalars['Boolean']['output'];
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

export type Project = {
  readonly createdAt: Scalars['DateTime']['output'];
  readonly description?: Maybe<Scalars['String']['output']>;
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly organization: Organization;
  readonly owner: User;
  readonly status: ProjectStatus;
  readonly tasks: TaskConnection;
  readonly updatedAt: Scalars['DateTime']['output'];
};


export type ProjectTasksArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TaskFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ReadonlyArray<TaskOrder>>;
  status?: InputMaybe<TaskStatus>;
};

export type ProjectConnection = {
  readonly edges: ReadonlyArray<ProjectEdge>;
  readonly nodes: ReadonlyArray<Project>;
  readonly pageInfo: PageInfo;
  readonly totalCount: Scalars['Int']['output'];
};

export type ProjectEdge = {
  readonly cursor: Scalars['String']['output'];
  readonly node: Project;
};

export type ProjectOrder =
  | 'CREATED_AT_ASC'
  | 'CREATED_AT_DESC'
  | 'NAME_ASC'
  | 'NAME_DESC';

export type ProjectStatus =
  | 'ACTIVE'
  | 'ARCHIVED'
  | 'PAUSED';

export type Query = {
  /** Conflicts and how they ended, newest first: of one entity, of one row of it, since a moment, older than a record; in a graph of several subgraphs those of the one that is named. For administrators. */
  readonly conflicts: ReadonlyArray<ConflictRecord>;
  /** What a team looks at in the morning. */
  readonly dashboard?: Maybe<Dashboard>;
  readonly organization?: Maybe<Organization>;
  readonly organizations: OrganizationConnection;
  readonly project?: Maybe<Project>;
  /** Health of every region, or of one, in each subgraph of the graph that this server knows. For administrators. */
  readonly regionHealth: ReadonlyArray<RegionHealth>;
  readonly task?: Maybe<Task>;
  readonly user?: Maybe<User>;
  readonly userByEmail?: Maybe<User>;
};


export type QueryConflictsArgs = {
  before?: InputMaybe<Scalars['ID']['input']>;
  entity?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
  since?: InputMaybe<Scalars['DateTime']['input']>;
  subgraph?: InputMaybe<Scalars['String']['input']>;
};


export type QueryDashboardArgs = {
  organizationId: Scalars['ID']['input'];
};


export type QueryOrganizationArgs = {
  id: Scalars['ID']['input'];
};


export type QueryOrganizationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryProjectArgs = {
  id: Scalars['ID']['input'];
};


export type QueryRegionHealthArgs = {
  region?: InputMaybe<Scalars['String']['input']>;
};


export type QueryTaskArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUserArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUserByEmailArgs = {
  email: Scalars['String']['input'];
};

export type RegionAlert = {
  readonly kind: RegionAlertKind;
  readonly message: Scalars['String']['output'];
  readonly since: Scalars['DateTime']['output'];
};

export type RegionAlertKind =
  /** The region is further behind than allowed. */
  | 'LAG'
  /** Another server accepts writes as well. */
  | 'PRIMARY'
  /** The region's change stream is broken. */
  | 'TAIL'
  /** The region does not answer, or the server of another subgraph does not. */
  | 'UNREACHABLE';

/** The caches of a region's servers together. Shares and lags are of the last minutes, and null where there was nothing to measure. */
export type RegionCache = {
  /** Bytes of them. */
  readonly bytes: Scalars['BigInt']['output'];
  /** Of these, how many use a cache of their own now. */
  readonly caching: Scalars['Int']['output'];
  /** Values in the servers' own caches. */
  readonly entries: Scalars['BigInt']['output'];
  /** From a commit, or a heartbeat, at the primary until it is applied to the region's caches, in milliseconds: the median. */
  readonly invalidationLagMs?: Maybe<Scalars['Float']['output']>;
  /** The same, which 99 in 100 do not exceed. */
  readonly invalidationLagP99Ms?: Maybe<Scalars['Float']['output']>;
  /** Share of what was looked up that the server's own cache had. */
  readonly localHitRatio?: Maybe<Scalars['Float']['output']>;
  /** Bytes of them. */
  readonly operationBytes: Scalars['BigInt']['output'];
  /** Share of the requests that were looked up among the kept answers of whole operations that one of these answered. */
  readonly operationHitRatio?: Maybe<Scalars['Float']['output']>;
  /** Answers of whole operations that the servers keep. */
  readonly operations: Scalars['BigInt']['output'];
  /** Servers that these figures are of. */
  readonly servers: Scalars['Int']['output'];
  /** Of the rest, the share that the region's Redis had; null without one. */
  readonly sharedHitRatio?: Maybe<Scalars['Float']['output']>;
};

/** One region as this server sees it. What is not known is null, never zero. */
export type RegionHealth = {
  readonly alerts: ReadonlyArray<RegionAlert>;
  /** How the region's caches fare; null where that is not known: of another region its Redis tells. */
  readonly cache?: Maybe<RegionCache>;
  /** Whether the region's Redis answers and takes new values (it is not full with a policy that evicts nothing); null where it has none. */
  readonly cacheHealthy?: Maybe<Scalars['Boolean']['output']>;
  /** The database cluster, as consistency tokens name it; null while that is not known. */
  readonly cluster?: Maybe<Scalars['String']['output']>;
  readonly databaseHealthy: Scalars['Boolean']['output'];
  /** Why the last probe failed. */
  readonly error?: Maybe<Scalars['String']['output']>;
  readonly region: Scalars['String']['output'];
  readonly replayLsn?: Maybe<Scalars['String']['output']>;
  readonly replicationLagBytes?: Maybe<Scalars['BigInt']['output']>;
  /** Age of the newest position that the region shows, in milliseconds; 0 when it has caught up. */
  readonly replicationLagMs?: Maybe<Scalars['Float']['output']>;
  /** What its database server is, by its own answer; null while it does not answer. */
  readonly role?: Maybe<RegionRole>;
  /** Round trip from this server to the region's database, in milliseconds. */
  readonly rttMs?: Maybe<Scalars['Float']['output']>;
  /** Whether the region's Meridian server is ready; null where its address is not configured here. */
  readonly serverHealthy?: Maybe<Scalars['Boolean']['output']>;
  readonly status: RegionStatus;
  /** The subgraph whose database this is of; null where its server has no name. */
  readonly subgraph?: Maybe<Scalars['String']['output']>;
  readonly timeline?: Maybe<Scalars['Int']['output']>;
};

export type RegionRole =
  | 'PRIMARY'
  | 'REPLICA';

export type RegionStatus =
  | 'DEGRADED'
  | 'HEALTHY'
  | 'UNREACHABLE';

export type StringFilter = {
  readonly contains?: InputMaybe<Scalars['String']['input']>;
  readonly endsWith?: InputMaybe<Scalars['String']['input']>;
  readonly eq?: InputMaybe<Scalars['String']['input']>;
  readonly gt?: InputMaybe<Scalars['String']['input']>;
  readonly gte?: InputMaybe<Scalars['String']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['String']['input']>;
  readonly lte?: InputMaybe<Scalars['String']['input']>;
  readonly ne?: InputMaybe<Scalars['String']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly startsWith?: InputMaybe<Scalars['String']['input']>;
};

/** For columns that hold an array of text. */
export type StringListFilter = {
  /** Equal as a whole, order included. */
  readonly eq?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Contains this value. */
  readonly has?: InputMaybe<Scalars['String']['input']>;
  /** Contains all of these. */
  readonly hasAll?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Contains at least one of these. */
  readonly hasAny?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
};

/** Each field is answered again whenever something that it shows has changed. */
export type Subscription = {
  readonly dashboard?: Maybe<Dashboard>;
  readonly project?: Maybe<Project>;
  readonly task?: Maybe<Task>;
};


/** Each field is answered again whenever something that it shows has changed. */
export type SubscriptionDashboardArgs = {
  organizationId: Scalars['ID']['input'];
};


/** Each field is answered again whenever something that it shows has changed. */
export type SubscriptionProjectArgs = {
  id: Scalars['ID']['input'];
};


/** Each field is answered again whenever something that it shows has changed. */
export type SubscriptionTaskArgs = {
  id: Scalars['ID']['input'];
};

/** Two people may edit one task at once: what each has changed alone is taken, and where they have changed the same its rule decides. */
export type Task = {
  readonly assignee?: Maybe<User>;
  readonly comments: CommentConnection;
  readonly createdAt: Scalars['DateTime']['output'];
  readonly description?: Maybe<Scalars['String']['output']>;
  readonly dueDate?: Maybe<Scalars['Date']['output']>;
  /** Hours. */
  readonly estimate?: Maybe<Scalars['Decimal']['output']>;
  readonly id: Scalars['ID']['output'];
  readonly labels: ReadonlyArray<Scalars['String']['output']>;
  readonly organization: Organization;
  /** From 0 to 9; 9 is the most urgent. */
  readonly priority: Scalars['Int']['output'];
  readonly project: Project;
  readonly status: TaskStatus;
  readonly title: Scalars['String']['output'];
  readonly updatedAt: Scalars['DateTime']['output'];
  readonly version: Scalars['Int']['output'];
};


/** Two people may edit one task at once: what each has changed alone is taken, and where they have changed the same its rule decides. */
export type TaskCommentsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};

/** The row as it stands, and which of the written fields somebody else has changed. */
export type TaskConflict = {
  readonly current?: Maybe<Task>;
  readonly fields: ReadonlyArray<Scalars['String']['output']>;
  readonly reason: ConflictReason;
  readonly version?: Maybe<Scalars['Int']['output']>;
};

export type TaskConnection = {
  readonly edges: ReadonlyArray<TaskEdge>;
  readonly nodes: ReadonlyArray<Task>;
  readonly pageInfo: PageInfo;
  readonly totalCount: Scalars['Int']['output'];
};

export type TaskEdge = {
  readonly cursor: Scalars['String']['output'];
  readonly node: Task;
};

export type TaskFilter = {
  readonly and?: InputMaybe<ReadonlyArray<TaskFilter>>;
  readonly assignee?: InputMaybe<IdFilter>;
  readonly createdAt?: InputMaybe<DateTimeFilter>;
  readonly dueDate?: InputMaybe<DateFilter>;
  readonly estimate?: InputMaybe<DecimalFilter>;
  readonly labels?: InputMaybe<StringListFilter>;
  readonly not?: InputMaybe<TaskFilter>;
  readonly or?: InputMaybe<ReadonlyArray<TaskFilter>>;
  readonly priority?: InputMaybe<IntFilter>;
  readonly status?: InputMaybe<ReadonlyArray<TaskStatus>>;
  readonly title?: InputMaybe<StringFilter>;
};

export type TaskOrder =
  | 'CREATED_AT_ASC'
  | 'CREATED_AT_DESC'
  | 'DUE_DATE_ASC'
  | 'DUE_DATE_DESC'
  | 'PRIORITY_ASC'
  | 'PRIORITY_DESC'
  | 'TITLE_ASC'
  | 'TITLE_DESC';

export type TaskStatus =
  | 'DOING'
  | 'DONE'
  | 'TODO';

export type TimeFilter = {
  readonly eq?: InputMaybe<Scalars['Time']['input']>;
  readonly gt?: InputMaybe<Scalars['Time']['input']>;
  readonly gte?: InputMaybe<Scalars['Time']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['Time']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly lt?: InputMaybe<Scalars['Time']['input']>;
  readonly lte?: InputMaybe<Scalars['Time']['input']>;
  readonly ne?: InputMaybe<Scalars['Time']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['Time']['input']>>;
};

export type UuidFilter = {
  readonly eq?: InputMaybe<Scalars['UUID']['input']>;
  readonly in?: InputMaybe<ReadonlyArray<Scalars['UUID']['input']>>;
  readonly isNull?: InputMaybe<Scalars['Boolean']['input']>;
  readonly ne?: InputMaybe<Scalars['UUID']['input']>;
  readonly notIn?: InputMaybe<ReadonlyArray<Scalars['UUID']['input']>>;
};

export type UpdateTaskInput = {
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  readonly description?: InputMaybe<Scalars['String']['input']>;
  readonly dueDate?: InputMaybe<Scalars['Date']['input']>;
  /** Hours. */
  readonly estimate?: InputMaybe<Scalars['Decimal']['input']>;
  readonly labels?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** From 0 to 9; 9 is the most urgent. */
  readonly priority?: InputMaybe<Scalars['Int']['input']>;
  readonly projectId?: InputMaybe<Scalars['ID']['input']>;
  readonly status?: InputMaybe<TaskStatus>;
  readonly title?: InputMaybe<Scalars['String']['input']>;
};

export type UpdateTaskPayload = {
  /** Why nothing was changed: the row is not as the writer saw it. */
  readonly conflict?: Maybe<TaskConflict>;
  readonly task?: Maybe<Task>;
  readonly token: Scalars['ConsistencyToken']['output'];
};

export type UpdateUserInput = {
  readonly bio?: InputMaybe<Scalars['String']['input']>;
  readonly email?: InputMaybe<Scalars['String']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
};

export type UpdateUserPayload = {
  /** Why nothing was changed: the row is not as the writer saw it. */
  readonly conflict?: Maybe<UserConflict>;
  readonly token: Scalars['ConsistencyToken']['output'];
  readonly user?: Maybe<User>;
};

export type User = {
  readonly assignedTasks: TaskConnection;
  readonly bio?: Maybe<Scalars['String']['output']>;
  readonly createdAt: Scalars['DateTime']['output'];
  readonly email: Scalars['String']['output'];
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly organization: Organization;
  readonly updatedAt: Scalars['DateTime']['output'];
  readonly version: Scalars['Int']['output'];
};


export type UserAssignedTasksArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TaskFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ReadonlyArray<TaskOrder>>;
  status?: InputMaybe<TaskStatus>;
};

/** The row as it stands, and which of the written fields somebody else has changed. */
export type UserConflict = {
  readonly current?: Maybe<User>;
  readonly fields: ReadonlyArray<Scalars['String']['output']>;
  readonly reason: ConflictReason;
  readonly version?: Maybe<Scalars['Int']['output']>;
};

export type UserConnection = {
  readonly edges: ReadonlyArray<UserEdge>;
  readonly nodes: ReadonlyArray<User>;
  readonly pageInfo: PageInfo;
  readonly totalCount: Scalars['Int']['output'];
};

export type UserEdge = {
  readonly cursor: Scalars['String']['output'];
  readonly node: User;
};

export type UserFilter = {
  readonly and?: InputMaybe<ReadonlyArray<UserFilter>>;
  readonly email?: InputMaybe<StringFilter>;
  readonly name?: InputMaybe<StringFilter>;
  readonly not?: InputMaybe<UserFilter>;
  readonly or?: InputMaybe<ReadonlyArray<UserFilter>>;
};

export type UserOrder =
  | 'CREATED_AT_ASC'
  | 'CREATED_AT_DESC'
  | 'NAME_ASC'
  | 'NAME_DESC';



export type ResolverTypeWrapper<T> = Promise<T> | T;

export type ReferenceResolver<TResult, TReference, TContext> = (
      reference: TReference,
      context: TContext,
      info: GraphQLResolveInfo
    ) => Promise<TResult> | TResult;

      type ScalarCheck<T, S> = S extends true ? T : NullableCheck<T, S>;
      type NullableCheck<T, S> = Maybe<T> extends T ? Maybe<ListCheck<NonNullable<T>, S>> : ListCheck<T, S>;
      type ListCheck<T, S> = T extends (infer U)[] ? NullableCheck<U, S>[] : GraphQLRecursivePick<T, S>;
      export type GraphQLRecursivePick<T, S> = { [K in keyof T & keyof S]: ScalarCheck<T[K], S[K]> };
    

export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

/** Mapping of federation types */
export type FederationTypes = {
  Comment: Comment;
  Organization: Organization;
  Project: Project;
  Task: Task;
  User: User;
};

/** Mapping of federation reference types */
export type FederationReferenceTypes = {
  Comment:
    ( { __typename: 'Comment' }
    & GraphQLRecursivePick<FederationTypes['Comment'], {"id":true}> );
  Organization:
    ( { __typename: 'Organization' }
    & GraphQLRecursivePick<FederationTypes['Organization'], {"id":true}> );
  Project:
    ( { __typename: 'Project' }
    & GraphQLRecursivePick<FederationTypes['Project'], {"id":true}> );
  Task:
    ( { __typename: 'Task' }
    & GraphQLRecursivePick<FederationTypes['Task'], {"id":true}> );
  User:
    ( { __typename: 'User' }
    & ( GraphQLRecursivePick<FederationTypes['User'], {"id":true}>
        | GraphQLRecursivePick<FederationTypes['User'], {"email":true}> ) );
};



/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  AddCommentInput: AddCommentInput;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  AddCommentPayload: ResolverTypeWrapper<Omit<AddCommentPayload, 'comment'> & { comment?: Maybe<ResolversTypes['Comment']> }>;
  BigInt: ResolverTypeWrapper<Scalars['BigInt']['output']>;
  BigIntFilter: BigIntFilter;
  BooleanFilter: BooleanFilter;
  Comment: ResolverTypeWrapper<Row>;
  CommentConnection: ResolverTypeWrapper<Omit<CommentConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversTypes['CommentEdge']>, nodes: ReadonlyArray<ResolversTypes['Comment']> }>;
  CommentEdge: ResolverTypeWrapper<Omit<CommentEdge, 'node'> & { node: ResolversTypes['Comment'] }>;
  ConflictFieldRecord: ResolverTypeWrapper<ConflictFieldRecord>;
  ConflictOutcome: ConflictOutcome;
  ConflictPolicy: ConflictPolicy;
  ConflictReason: ConflictReason;
  ConflictRecord: ResolverTypeWrapper<ConflictRecord>;
  ConflictRule: ConflictRule;
  ConflictWinner: ConflictWinner;
  ConsistencyLevel: ConsistencyLevel;
  ConsistencyToken: ResolverTypeWrapper<Scalars['ConsistencyToken']['output']>;
  CreateTaskInput: CreateTaskInput;
  CreateTaskPayload: ResolverTypeWrapper<Omit<CreateTaskPayload, 'task'> & { task?: Maybe<ResolversTypes['Task']> }>;
  Dashboard: ResolverTypeWrapper<Row>;
  Date: ResolverTypeWrapper<Scalars['Date']['output']>;
  DateFilter: DateFilter;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  DateTimeFilter: DateTimeFilter;
  Decimal: ResolverTypeWrapper<Scalars['Decimal']['output']>;
  DecimalFilter: DecimalFilter;
  DeleteTaskPayload: ResolverTypeWrapper<Omit<DeleteTaskPayload, 'conflict' | 'task'> & { conflict?: Maybe<ResolversTypes['TaskConflict']>, task?: Maybe<ResolversTypes['Task']> }>;
  Durability: Durability;
  FloatFilter: FloatFilter;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  IDFilter: IdFilter;
  IntFilter: IntFilter;
  IntListFilter: IntListFilter;
  JSON: ResolverTypeWrapper<Scalars['JSON']['output']>;
  LocalDateTime: ResolverTypeWrapper<Scalars['LocalDateTime']['output']>;
  LocalDateTimeFilter: LocalDateTimeFilter;
  MadeType: MadeType;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  OnDeleteChanged: OnDeleteChanged;
  OnInsertExisting: OnInsertExisting;
  OnUpdateDeleted: OnUpdateDeleted;
  Organization: ResolverTypeWrapper<Row>;
  OrganizationConnection: ResolverTypeWrapper<Omit<OrganizationConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversTypes['OrganizationEdge']>, nodes: ReadonlyArray<ResolversTypes['Organization']> }>;
  OrganizationEdge: ResolverTypeWrapper<Omit<OrganizationEdge, 'node'> & { node: ResolversTypes['Organization'] }>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Project: ResolverTypeWrapper<Row>;
  ProjectConnection: ResolverTypeWrapper<Omit<ProjectConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversTypes['ProjectEdge']>, nodes: ReadonlyArray<ResolversTypes['Project']> }>;
  ProjectEdge: ResolverTypeWrapper<Omit<ProjectEdge, 'node'> & { node: ResolversTypes['Project'] }>;
  ProjectOrder: ProjectOrder;
  ProjectStatus: ProjectStatus;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  RegionAlert: ResolverTypeWrapper<RegionAlert>;
  RegionAlertKind: RegionAlertKind;
  RegionCache: ResolverTypeWrapper<RegionCache>;
  RegionHealth: ResolverTypeWrapper<RegionHealth>;
  RegionRole: RegionRole;
  RegionStatus: RegionStatus;
  StringFilter: StringFilter;
  StringListFilter: StringListFilter;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Task: ResolverTypeWrapper<Row>;
  TaskConflict: ResolverTypeWrapper<Omit<TaskConflict, 'current'> & { current?: Maybe<ResolversTypes['Task']> }>;
  TaskConnection: ResolverTypeWrapper<Omit<TaskConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversTypes['TaskEdge']>, nodes: ReadonlyArray<ResolversTypes['Task']> }>;
  TaskEdge: ResolverTypeWrapper<Omit<TaskEdge, 'node'> & { node: ResolversTypes['Task'] }>;
  TaskFilter: TaskFilter;
  TaskOrder: TaskOrder;
  TaskStatus: TaskStatus;
  Time: ResolverTypeWrapper<Scalars['Time']['output']>;
  TimeFilter: TimeFilter;
  UUID: ResolverTypeWrapper<Scalars['UUID']['output']>;
  UUIDFilter: UuidFilter;
  UpdateTaskInput: UpdateTaskInput;
  UpdateTaskPayload: ResolverTypeWrapper<Omit<UpdateTaskPayload, 'conflict' | 'task'> & { conflict?: Maybe<ResolversTypes['TaskConflict']>, task?: Maybe<ResolversTypes['Task']> }>;
  UpdateUserInput: UpdateUserInput;
  UpdateUserPayload: ResolverTypeWrapper<Omit<UpdateUserPayload, 'conflict' | 'user'> & { conflict?: Maybe<ResolversTypes['UserConflict']>, user?: Maybe<ResolversTypes['User']> }>;
  User: ResolverTypeWrapper<Row>;
  UserConflict: ResolverTypeWrapper<Omit<UserConflict, 'current'> & { current?: Maybe<ResolversTypes['User']> }>;
  UserConnection: ResolverTypeWrapper<Omit<UserConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversTypes['UserEdge']>, nodes: ReadonlyArray<ResolversTypes['User']> }>;
  UserEdge: ResolverTypeWrapper<Omit<UserEdge, 'node'> & { node: ResolversTypes['User'] }>;
  UserFilter: UserFilter;
  UserOrder: UserOrder;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  AddCommentInput: AddCommentInput;
  ID: Scalars['ID']['output'];
  AddCommentPayload: Omit<AddCommentPayload, 'comment'> & { comment?: Maybe<ResolversParentTypes['Comment']> };
  BigInt: Scalars['BigInt']['output'];
  BigIntFilter: BigIntFilter;
  BooleanFilter: BooleanFilter;
  Comment: Row;
  CommentConnection: Omit<CommentConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversParentTypes['CommentEdge']>, nodes: ReadonlyArray<ResolversParentTypes['Comment']> };
  CommentEdge: Omit<CommentEdge, 'node'> & { node: ResolversParentTypes['Comment'] };
  ConflictFieldRecord: ConflictFieldRecord;
  ConflictRecord: ConflictRecord;
  ConsistencyToken: Scalars['ConsistencyToken']['output'];
  CreateTaskInput: CreateTaskInput;
  CreateTaskPayload: Omit<CreateTaskPayload, 'task'> & { task?: Maybe<ResolversParentTypes['Task']> };
  Dashboard: Row;
  Date: Scalars['Date']['output'];
  DateFilter: DateFilter;
  DateTime: Scalars['DateTime']['output'];
  DateTimeFilter: DateTimeFilter;
  Decimal: Scalars['Decimal']['output'];
  DecimalFilter: DecimalFilter;
  DeleteTaskPayload: Omit<DeleteTaskPayload, 'conflict' | 'task'> & { conflict?: Maybe<ResolversParentTypes['TaskConflict']>, task?: Maybe<ResolversParentTypes['Task']> };
  FloatFilter: FloatFilter;
  Float: Scalars['Float']['output'];
  IDFilter: IdFilter;
  IntFilter: IntFilter;
  IntListFilter: IntListFilter;
  JSON: Scalars['JSON']['output'];
  LocalDateTime: Scalars['LocalDateTime']['output'];
  LocalDateTimeFilter: LocalDateTimeFilter;
  Mutation: Record<PropertyKey, never>;
  Organization: Row;
  OrganizationConnection: Omit<OrganizationConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversParentTypes['OrganizationEdge']>, nodes: ReadonlyArray<ResolversParentTypes['Organization']> };
  OrganizationEdge: Omit<OrganizationEdge, 'node'> & { node: ResolversParentTypes['Organization'] };
  PageInfo: PageInfo;
  Project: Row;
  ProjectConnection: Omit<ProjectConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversParentTypes['ProjectEdge']>, nodes: ReadonlyArray<ResolversParentTypes['Project']> };
  ProjectEdge: Omit<ProjectEdge, 'node'> & { node: ResolversParentTypes['Project'] };
  Query: Record<PropertyKey, never>;
  RegionAlert: RegionAlert;
  RegionCache: RegionCache;
  RegionHealth: RegionHealth;
  StringFilter: StringFilter;
  StringListFilter: StringListFilter;
  Subscription: Record<PropertyKey, never>;
  Task: Row;
  TaskConflict: Omit<TaskConflict, 'current'> & { current?: Maybe<ResolversParentTypes['Task']> };
  TaskConnection: Omit<TaskConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversParentTypes['TaskEdge']>, nodes: ReadonlyArray<ResolversParentTypes['Task']> };
  TaskEdge: Omit<TaskEdge, 'node'> & { node: ResolversParentTypes['Task'] };
  TaskFilter: TaskFilter;
  Time: Scalars['Time']['output'];
  TimeFilter: TimeFilter;
  UUID: Scalars['UUID']['output'];
  UUIDFilter: UuidFilter;
  UpdateTaskInput: UpdateTaskInput;
  UpdateTaskPayload: Omit<UpdateTaskPayload, 'conflict' | 'task'> & { conflict?: Maybe<ResolversParentTypes['TaskConflict']>, task?: Maybe<ResolversParentTypes['Task']> };
  UpdateUserInput: UpdateUserInput;
  UpdateUserPayload: Omit<UpdateUserPayload, 'conflict' | 'user'> & { conflict?: Maybe<ResolversParentTypes['UserConflict']>, user?: Maybe<ResolversParentTypes['User']> };
  User: Row;
  UserConflict: Omit<UserConflict, 'current'> & { current?: Maybe<ResolversParentTypes['User']> };
  UserConnection: Omit<UserConnection, 'edges' | 'nodes'> & { edges: ReadonlyArray<ResolversParentTypes['UserEdge']>, nodes: ReadonlyArray<ResolversParentTypes['User']> };
  UserEdge: Omit<UserEdge, 'node'> & { node: ResolversParentTypes['User'] };
  UserFilter: UserFilter;
  Boolean: Scalars['Boolean']['output'];
  Int: Scalars['Int']['output'];
  String: Scalars['String']['output'];
};

export type CachedDirectiveArgs = {
  enabled?: Maybe<Scalars['Boolean']['input']>;
  maxVariants?: Maybe<Scalars['Int']['input']>;
  ttlMs?: Maybe<Scalars['Int']['input']>;
};

export type CachedDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = CachedDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type ColumnDirectiveArgs = {
  name: Scalars['String']['input'];
};

export type ColumnDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = ColumnDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type ConflictDirectiveArgs = {
  deleteChanged?: Maybe<OnDeleteChanged>;
  handler?: Maybe<Scalars['String']['input']>;
  insertExisting?: Maybe<OnInsertExisting>;
  policy?: Maybe<ConflictPolicy>;
  rule?: Maybe<ConflictRule>;
  updateDeleted?: Maybe<OnUpdateDeleted>;
};

export type ConflictDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = ConflictDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type ConsistentDirectiveArgs = {
  level?: Maybe<ConsistencyLevel>;
  maxLagMs?: Maybe<Scalars['Int']['input']>;
};

export type ConsistentDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = ConsistentDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type CountDirectiveArgs = {
  from?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  of: Scalars['String']['input'];
  to?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  where?: Maybe<Scalars['String']['input']>;
};

export type CountDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = CountDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type DefaultDirectiveArgs = { };

export type DefaultDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = DefaultDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type DeleteDirectiveArgs = {
  entity?: Maybe<Scalars['String']['input']>;
};

export type DeleteDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = DeleteDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type DurableDirectiveArgs = {
  level: Durability;
};

export type DurableDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = DurableDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type EmbeddedDirectiveArgs = {
  prefix?: Maybe<Scalars['String']['input']>;
};

export type EmbeddedDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = EmbeddedDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type EntityDirectiveArgs = {
  schema?: Maybe<Scalars['String']['input']>;
  table?: Maybe<Scalars['String']['input']>;
  version?: Maybe<Scalars['String']['input']>;
};

export type EntityDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = EntityDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type IdempotentDirectiveArgs = { };

export type IdempotentDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = IdempotentDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type InsertDirectiveArgs = {
  entity?: Maybe<Scalars['String']['input']>;
};

export type InsertDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = InsertDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type ListDirectiveArgs = {
  limit?: Maybe<Scalars['Int']['input']>;
  orderBy?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  where?: Maybe<Scalars['String']['input']>;
};

export type ListDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = ListDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type LiveDirectiveArgs = { };

export type LiveDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = LiveDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type OmitDirectiveArgs = {
  from?: Maybe<ReadonlyArray<MadeType>>;
};

export type OmitDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = OmitDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type RelationDirectiveArgs = {
  from?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  limit?: Maybe<Scalars['Int']['input']>;
  orderBy?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  to?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  where?: Maybe<Scalars['String']['input']>;
};

export type RelationDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = RelationDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type TenantDirectiveArgs = {
  column: Scalars['String']['input'];
};

export type TenantDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = TenantDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type UpdateDirectiveArgs = {
  entity?: Maybe<Scalars['String']['input']>;
};

export type UpdateDirectiveResolver<Result, Parent, ContextType = ResolverContext, Args = UpdateDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type AddCommentPayloadResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['AddCommentPayload'] = ResolversParentTypes['AddCommentPayload']> = {
  comment?: Resolver<Maybe<ResolversTypes['Comment']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['ConsistencyToken'], ParentType, ContextType>;
};

export interface BigIntScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['BigInt'], any> {
  name: 'BigInt';
}

export type CommentResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Comment'] = ResolversParentTypes['Comment'], FederationReferenceType extends FederationReferenceTypes['Comment'] = FederationReferenceTypes['Comment']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Comment']> | FederationReferenceType, FederationReferenceType, ContextType>;
  author?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
  body?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  task?: Resolver<ResolversTypes['Task'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type CommentConnectionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['CommentConnection'] = ResolversParentTypes['CommentConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['CommentEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Comment']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CommentEdgeResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['CommentEdge'] = ResolversParentTypes['CommentEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Comment'], ParentType, ContextType>;
};

export type ConflictFieldRecordResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['ConflictFieldRecord'] = ResolversParentTypes['ConflictFieldRecord']> = {
  column?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  rule?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  taken?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type ConflictRecordResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['ConflictRecord'] = ResolversParentTypes['ConflictRecord']> = {
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  base?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
  current?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
  entity?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  fields?: Resolver<ReadonlyArray<ResolversTypes['ConflictFieldRecord']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  incoming?: Resolver<ResolversTypes['JSON'], ParentType, ContextType>;
  mutation?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  newVersion?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  outcome?: Resolver<ResolversTypes['ConflictOutcome'], ParentType, ContextType>;
  policy?: Resolver<ResolversTypes['ConflictPolicy'], ParentType, ContextType>;
  reason?: Resolver<Maybe<ResolversTypes['ConflictReason']>, ParentType, ContextType>;
  region?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  result?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
  rowId?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  seenVersion?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  subgraph?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  tenant?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  version?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  viewer?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  winner?: Resolver<ResolversTypes['ConflictWinner'], ParentType, ContextType>;
};

export interface ConsistencyTokenScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['ConsistencyToken'], any> {
  name: 'ConsistencyToken';
}

export type CreateTaskPayloadResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['CreateTaskPayload'] = ResolversParentTypes['CreateTaskPayload']> = {
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['ConsistencyToken'], ParentType, ContextType>;
};

export type DashboardResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Dashboard'] = ResolversParentTypes['Dashboard']> = {
  doneTasks?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  latestProjects?: Resolver<ReadonlyArray<ResolversTypes['Project']>, ParentType, ContextType>;
  latestTasks?: Resolver<ReadonlyArray<ResolversTypes['Task']>, ParentType, ContextType>;
  openTasks?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  organization?: Resolver<ResolversTypes['Organization'], ParentType, ContextType>;
  overdueTasks?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export interface DateScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Date'], any> {
  name: 'Date';
}

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export interface DecimalScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Decimal'], any> {
  name: 'Decimal';
}

export type DeleteTaskPayloadResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['DeleteTaskPayload'] = ResolversParentTypes['DeleteTaskPayload']> = {
  conflict?: Resolver<Maybe<ResolversTypes['TaskConflict']>, ParentType, ContextType>;
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['ConsistencyToken'], ParentType, ContextType>;
};

export interface JsonScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSON'], any> {
  name: 'JSON';
}

export interface LocalDateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['LocalDateTime'], any> {
  name: 'LocalDateTime';
}

export type MutationResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  addComment?: Resolver<ResolversTypes['AddCommentPayload'], ParentType, ContextType, RequireFields<MutationAddCommentArgs, 'input'>>;
  createTask?: Resolver<ResolversTypes['CreateTaskPayload'], ParentType, ContextType, RequireFields<MutationCreateTaskArgs, 'input'>>;
  deleteTask?: Resolver<ResolversTypes['DeleteTaskPayload'], ParentType, ContextType, RequireFields<MutationDeleteTaskArgs, 'id'>>;
  updateTask?: Resolver<ResolversTypes['UpdateTaskPayload'], ParentType, ContextType, RequireFields<MutationUpdateTaskArgs, 'id' | 'input'>>;
  updateUser?: Resolver<ResolversTypes['UpdateUserPayload'], ParentType, ContextType, RequireFields<MutationUpdateUserArgs, 'id' | 'input'>>;
};

export type OrganizationResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Organization'] = ResolversParentTypes['Organization'], FederationReferenceType extends FederationReferenceTypes['Organization'] = FederationReferenceTypes['Organization']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Organization']> | FederationReferenceType, FederationReferenceType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  projects?: Resolver<ResolversTypes['ProjectConnection'], ParentType, ContextType, Partial<OrganizationProjectsArgs>>;
  slug?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  users?: Resolver<ResolversTypes['UserConnection'], ParentType, ContextType, Partial<OrganizationUsersArgs>>;
};

export type OrganizationConnectionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['OrganizationConnection'] = ResolversParentTypes['OrganizationConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['OrganizationEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Organization']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type OrganizationEdgeResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['OrganizationEdge'] = ResolversParentTypes['OrganizationEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Organization'], ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type ProjectResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Project'] = ResolversParentTypes['Project'], FederationReferenceType extends FederationReferenceTypes['Project'] = FederationReferenceTypes['Project']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Project']> | FederationReferenceType, FederationReferenceType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  description?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  organization?: Resolver<ResolversTypes['Organization'], ParentType, ContextType>;
  owner?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ProjectStatus'], ParentType, ContextType>;
  tasks?: Resolver<ResolversTypes['TaskConnection'], ParentType, ContextType, Partial<ProjectTasksArgs>>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type ProjectConnectionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['ProjectConnection'] = ResolversParentTypes['ProjectConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ProjectEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Project']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ProjectEdgeResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['ProjectEdge'] = ResolversParentTypes['ProjectEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Project'], ParentType, ContextType>;
};

export type QueryResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  conflicts?: Resolver<ReadonlyArray<ResolversTypes['ConflictRecord']>, ParentType, ContextType, RequireFields<QueryConflictsArgs, 'first'>>;
  dashboard?: Resolver<Maybe<ResolversTypes['Dashboard']>, ParentType, ContextType, RequireFields<QueryDashboardArgs, 'organizationId'>>;
  organization?: Resolver<Maybe<ResolversTypes['Organization']>, ParentType, ContextType, RequireFields<QueryOrganizationArgs, 'id'>>;
  organizations?: Resolver<ResolversTypes['OrganizationConnection'], ParentType, ContextType, Partial<QueryOrganizationsArgs>>;
  project?: Resolver<Maybe<ResolversTypes['Project']>, ParentType, ContextType, RequireFields<QueryProjectArgs, 'id'>>;
  regionHealth?: Resolver<ReadonlyArray<ResolversTypes['RegionHealth']>, ParentType, ContextType, Partial<QueryRegionHealthArgs>>;
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType, RequireFields<QueryTaskArgs, 'id'>>;
  user?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType, RequireFields<QueryUserArgs, 'id'>>;
  userByEmail?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType, RequireFields<QueryUserByEmailArgs, 'email'>>;
};

export type RegionAlertResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['RegionAlert'] = ResolversParentTypes['RegionAlert']> = {
  kind?: Resolver<ResolversTypes['RegionAlertKind'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  since?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type RegionCacheResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['RegionCache'] = ResolversParentTypes['RegionCache']> = {
  bytes?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  caching?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  entries?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  invalidationLagMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  invalidationLagP99Ms?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  localHitRatio?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  operationBytes?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  operationHitRatio?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  operations?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  servers?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  sharedHitRatio?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
};

export type RegionHealthResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['RegionHealth'] = ResolversParentTypes['RegionHealth']> = {
  alerts?: Resolver<ReadonlyArray<ResolversTypes['RegionAlert']>, ParentType, ContextType>;
  cache?: Resolver<Maybe<ResolversTypes['RegionCache']>, ParentType, ContextType>;
  cacheHealthy?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  cluster?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  databaseHealthy?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  error?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  region?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  replayLsn?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  replicationLagBytes?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  replicationLagMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  role?: Resolver<Maybe<ResolversTypes['RegionRole']>, ParentType, ContextType>;
  rttMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  serverHealthy?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  status?: Resolver<ResolversTypes['RegionStatus'], ParentType, ContextType>;
  subgraph?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  timeline?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  dashboard?: SubscriptionResolver<Maybe<ResolversTypes['Dashboard']>, "dashboard", ParentType, ContextType, RequireFields<SubscriptionDashboardArgs, 'organizationId'>>;
  project?: SubscriptionResolver<Maybe<ResolversTypes['Project']>, "project", ParentType, ContextType, RequireFields<SubscriptionProjectArgs, 'id'>>;
  task?: SubscriptionResolver<Maybe<ResolversTypes['Task']>, "task", ParentType, ContextType, RequireFields<SubscriptionTaskArgs, 'id'>>;
};

export type TaskResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['Task'] = ResolversParentTypes['Task'], FederationReferenceType extends FederationReferenceTypes['Task'] = FederationReferenceTypes['Task']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Task']> | FederationReferenceType, FederationReferenceType, ContextType>;
  assignee?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType>;
  comments?: Resolver<ResolversTypes['CommentConnection'], ParentType, ContextType, Partial<TaskCommentsArgs>>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  description?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  dueDate?: Resolver<Maybe<ResolversTypes['Date']>, ParentType, ContextType>;
  estimate?: Resolver<Maybe<ResolversTypes['Decimal']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  labels?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
  organization?: Resolver<ResolversTypes['Organization'], ParentType, ContextType>;
  priority?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  project?: Resolver<ResolversTypes['Project'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['TaskStatus'], ParentType, ContextType>;
  title?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TaskConflictResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['TaskConflict'] = ResolversParentTypes['TaskConflict']> = {
  current?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType>;
  fields?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
  reason?: Resolver<ResolversTypes['ConflictReason'], ParentType, ContextType>;
  version?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type TaskConnectionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['TaskConnection'] = ResolversParentTypes['TaskConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['TaskEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Task']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TaskEdgeResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['TaskEdge'] = ResolversParentTypes['TaskEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Task'], ParentType, ContextType>;
};

export interface TimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Time'], any> {
  name: 'Time';
}

export interface UuidScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['UUID'], any> {
  name: 'UUID';
}

export type UpdateTaskPayloadResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['UpdateTaskPayload'] = ResolversParentTypes['UpdateTaskPayload']> = {
  conflict?: Resolver<Maybe<ResolversTypes['TaskConflict']>, ParentType, ContextType>;
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['ConsistencyToken'], ParentType, ContextType>;
};

export type UpdateUserPayloadResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['UpdateUserPayload'] = ResolversParentTypes['UpdateUserPayload']> = {
  conflict?: Resolver<Maybe<ResolversTypes['UserConflict']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['ConsistencyToken'], ParentType, ContextType>;
  user?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType>;
};

export type UserResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['User'] = ResolversParentTypes['User'], FederationReferenceType extends FederationReferenceTypes['User'] = FederationReferenceTypes['User']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['User']> | FederationReferenceType, FederationReferenceType, ContextType>;
  assignedTasks?: Resolver<ResolversTypes['TaskConnection'], ParentType, ContextType, Partial<UserAssignedTasksArgs>>;
  bio?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  email?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  organization?: Resolver<ResolversTypes['Organization'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type UserConflictResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['UserConflict'] = ResolversParentTypes['UserConflict']> = {
  current?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType>;
  fields?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
  reason?: Resolver<ResolversTypes['ConflictReason'], ParentType, ContextType>;
  version?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type UserConnectionResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['UserConnection'] = ResolversParentTypes['UserConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['UserEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['User']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type UserEdgeResolvers<ContextType = ResolverContext, ParentType extends ResolversParentTypes['UserEdge'] = ResolversParentTypes['UserEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type Resolvers<ContextType = ResolverContext> = {
  AddCommentPayload?: AddCommentPayloadResolvers<ContextType>;
  BigInt?: GraphQLScalarType;
  Comment?: CommentResolvers<ContextType>;
  CommentConnection?: CommentConnectionResolvers<ContextType>;
  CommentEdge?: CommentEdgeResolvers<ContextType>;
  ConflictFieldRecord?: ConflictFieldRecordResolvers<ContextType>;
  ConflictRecord?: ConflictRecordResolvers<ContextType>;
  ConsistencyToken?: GraphQLScalarType;
  CreateTaskPayload?: CreateTaskPayloadResolvers<ContextType>;
  Dashboard?: DashboardResolvers<ContextType>;
  Date?: GraphQLScalarType;
  DateTime?: GraphQLScalarType;
  Decimal?: GraphQLScalarType;
  DeleteTaskPayload?: DeleteTaskPayloadResolvers<ContextType>;
  JSON?: GraphQLScalarType;
  LocalDateTime?: GraphQLScalarType;
  Mutation?: MutationResolvers<ContextType>;
  Organization?: OrganizationResolvers<ContextType>;
  OrganizationConnection?: OrganizationConnectionResolvers<ContextType>;
  OrganizationEdge?: OrganizationEdgeResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Project?: ProjectResolvers<ContextType>;
  ProjectConnection?: ProjectConnectionResolvers<ContextType>;
  ProjectEdge?: ProjectEdgeResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  RegionAlert?: RegionAlertResolvers<ContextType>;
  RegionCache?: RegionCacheResolvers<ContextType>;
  RegionHealth?: RegionHealthResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
  Task?: TaskResolvers<ContextType>;
  TaskConflict?: TaskConflictResolvers<ContextType>;
  TaskConnection?: TaskConnectionResolvers<ContextType>;
  TaskEdge?: TaskEdgeResolvers<ContextType>;
  Time?: GraphQLScalarType;
  UUID?: GraphQLScalarType;
  UpdateTaskPayload?: UpdateTaskPayloadResolvers<ContextType>;
  UpdateUserPayload?: UpdateUserPayloadResolvers<ContextType>;
  User?: UserResolvers<ContextType>;
  UserConflict?: UserConflictResolvers<ContextType>;
  UserConnection?: UserConnectionResolvers<ContextType>;
  UserEdge?: UserEdgeResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = ResolverContext> = {
  cached?: CachedDirectiveResolver<any, any, ContextType>;
  column?: ColumnDirectiveResolver<any, any, ContextType>;
  conflict?: ConflictDirectiveResolver<any, any, ContextType>;
  consistent?: ConsistentDirectiveResolver<any, any, ContextType>;
  count?: CountDirectiveResolver<any, any, ContextType>;
  default?: DefaultDirectiveResolver<any, any, ContextType>;
  delete?: DeleteDirectiveResolver<any, any, ContextType>;
  durable?: DurableDirectiveResolver<any, any, ContextType>;
  embedded?: EmbeddedDirectiveResolver<any, any, ContextType>;
  entity?: EntityDirectiveResolver<any, any, ContextType>;
  idempotent?: IdempotentDirectiveResolver<any, any, ContextType>;
  insert?: InsertDirectiveResolver<any, any, ContextType>;
  list?: ListDirectiveResolver<any, any, ContextType>;
  live?: LiveDirectiveResolver<any, any, ContextType>;
  omit?: OmitDirectiveResolver<any, any, ContextType>;
  relation?: RelationDirectiveResolver<any, any, ContextType>;
  tenant?: TenantDirectiveResolver<any, any, ContextType>;
  update?: UpdateDirectiveResolver<any, any, ContextType>;
};
