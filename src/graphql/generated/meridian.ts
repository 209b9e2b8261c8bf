export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
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

/** Where a page lies in its connection (Relay cursor connections). */
export type PageInfo = {
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  readonly hasNextPage: Scalars['Boolean']['output'];
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

export type Query = {
  /** Conflicts and how they ended, newest first: of one entity, of one row of it, since a moment, older than a record; in a graph of several subgraphs those of the one that is named. For administrators. */
  readonly conflicts: ReadonlyArray<ConflictRecord>;
  /** Health of every region, or of one, in each subgraph of the graph that this server knows. For administrators. */
  readonly regionHealth: ReadonlyArray<RegionHealth>;
};


export type QueryConflictsArgs = {
  before?: InputMaybe<Scalars['ID']['input']>;
  entity?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
  since?: InputMaybe<Scalars['DateTime']['input']>;
  subgraph?: InputMaybe<Scalars['String']['input']>;
};


export type QueryRegionHealthArgs = {
  region?: InputMaybe<Scalars['String']['input']>;
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
