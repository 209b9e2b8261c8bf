/**
 * Owns every setting that a session of PostgreSQL 18 may have from its role, its database or its URL: odd values for
 * those that can matter, and why the others cannot.
 */

/**
 * What can change what a statement means, what it answers, or how long it may take. Each row takes one value of each.
 */
export const ODD_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  // How values are read and written.
  DateStyle: ['German, DMY', 'SQL, DMY', 'Postgres, YMD'],
  IntervalStyle: ['sql_standard', 'postgres_verbose', 'postgres'],
  TimeZone: ['Asia/Tokyo', 'America/St_Johns', 'Antarctica/Troll'],
  timezone_abbreviations: ['India', 'Australia', 'Default'],
  extra_float_digits: ['-15', '-5', '3'],
  bytea_output: ['escape', 'escape', 'hex'],
  xmlbinary: ['hex', 'base64', 'hex'],
  xmloption: ['document', 'document', 'content'],
  array_nulls: ['off', 'off', 'on'],
  client_encoding: ['LATIN1', 'SQL_ASCII', 'EUC_JP'],
  lc_numeric: ['de_DE.UTF-8', 'C', 'POSIX'],
  lc_time: ['de_DE.UTF-8', 'C', 'POSIX'],
  // How the text of a statement is read.
  standard_conforming_strings: ['off', 'off', 'on'],
  escape_string_warning: ['on', 'off', 'on'],
  backslash_quote: ['off', 'on', 'safe_encoding'],
  quote_all_identifiers: ['on', 'on', 'off'],
  transform_null_equals: ['on', 'on', 'off'],
  search_path: ['pg_catalog, public', '"$user", public, meridian', 'meridian, public'],
  row_security: ['off', 'off', 'on'],
  restrict_nonsystem_relation_kind: ['foreign-table', 'foreign-table', ''],
  default_text_search_config: ['german', 'pg_catalog.simple', 'pg_catalog.english'],
  check_function_bodies: ['off', 'off', 'on'],
  default_tablespace: ['aside', 'nowhere', ''],
  temp_tablespaces: ['aside', 'nowhere', ''],
  default_toast_compression: ['pglz', 'pglz', 'pglz'],
  default_table_access_method: ['heap', 'heap', 'heap'],
  icu_validation_level: ['error', 'disabled', 'debug1'],
  // What transactions are, and what ends them.
  default_transaction_isolation: ['serializable', 'repeatable read', 'read uncommitted'],
  default_transaction_read_only: ['on', 'on', 'off'],
  default_transaction_deferrable: ['on', 'on', 'off'],
  transaction_read_only: ['on', 'on', 'off'],
  synchronous_commit: ['off', 'local', 'remote_apply'],
  exit_on_error: ['on', 'on', 'off'],
  statement_timeout: ['50ms', '30ms', '100ms'],
  lock_timeout: ['10ms', '5ms', '20ms'],
  transaction_timeout: ['300ms', '100ms', '200ms'],
  idle_in_transaction_session_timeout: ['20ms', '10ms', '50ms'],
  idle_session_timeout: ['300ms', '200ms', '400ms'],
  // What the server sends, and when it gives a connection up.
  client_min_messages: ['debug5', 'error', 'notice'],
  wal_sender_timeout: ['1s', '800ms', '0'],
  tcp_user_timeout: ['5s', '5s', '0'],
  tcp_keepalives_idle: ['1', '1', '0'],
  tcp_keepalives_interval: ['1', '1', '0'],
  tcp_keepalives_count: ['2', '2', '0'],
  client_connection_check_interval: ['10ms', '50ms', '0'],
  logical_decoding_work_mem: ['64kB', '64kB', '64MB'],
  debug_logical_replication_streaming: ['immediate', 'immediate', 'buffered'],
  // Which plan is taken.
  plan_cache_mode: ['force_generic_plan', 'force_custom_plan', 'auto'],
  debug_parallel_query: ['on', 'regress', 'off'],
  constraint_exclusion: ['on', 'off', 'partition'],
  cursor_tuple_fraction: ['0', '1', '0.1'],
  gin_fuzzy_search_limit: ['1', '1', '0'],
  stats_fetch_consistency: ['none', 'snapshot', 'cache'],
  synchronize_seqscans: ['on', 'off', 'on'],
  jit: ['on', 'off', 'on'],
  jit_above_cost: ['0', '-1', '0'],
  jit_inline_above_cost: ['0', '-1', '0'],
  jit_optimize_above_cost: ['0', '-1', '0'],
  jit_expressions: ['on', 'off', 'on'],
  jit_tuple_deforming: ['on', 'off', 'on'],
  geqo: ['on', 'off', 'on'],
  geqo_threshold: ['2', '12', '2'],
  geqo_effort: ['1', '10', '5'],
  geqo_generations: ['1', '0', '0'],
  geqo_pool_size: ['2', '0', '0'],
  geqo_seed: ['0.5', '0', '1'],
  geqo_selection_bias: ['1.5', '2', '2'],
  from_collapse_limit: ['1', '8', '1'],
  join_collapse_limit: ['1', '8', '1'],
  recursive_worktable_factor: ['0.001', '1000000', '10'],
  seq_page_cost: ['1000000', '0', '1'],
  random_page_cost: ['0', '1000000', '4'],
  cpu_tuple_cost: ['0', '1', '0.01'],
  cpu_index_tuple_cost: ['0', '1', '0.005'],
  cpu_operator_cost: ['0', '1', '0.0025'],
  effective_cache_size: ['8kB', '8kB', '1GB'],
  parallel_setup_cost: ['0', '0', '1000'],
  parallel_tuple_cost: ['0', '0', '0.1'],
  parallel_leader_participation: ['off', 'on', 'off'],
  min_parallel_table_scan_size: ['0', '0', '8MB'],
  min_parallel_index_scan_size: ['0', '0', '512kB'],
  max_parallel_workers: ['8', '0', '8'],
  max_parallel_workers_per_gather: ['8', '0', '2'],
  max_parallel_maintenance_workers: ['0', '2', '0'],
  work_mem: ['64kB', '64kB', '4MB'],
  hash_mem_multiplier: ['1', '1000', '2'],
  maintenance_work_mem: ['64kB', '64MB', '64kB'],
  temp_buffers: ['800kB', '8MB', '8MB'],
};

/** Ways of planning that all have another way beside them. */
const PLAN_SWITCHES = /^enable_/;

/** Those that matter and only a superuser may give to a role. */
export const ODD_SUPERUSER_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  lc_messages: ['de_DE.UTF-8', 'C', 'POSIX'],
  track_activities: ['off', 'off', 'on'],
  max_stack_depth: ['200kB', '2MB', '2MB'],
  compute_query_id: ['on', 'off', 'auto'],
};

/** What changes no statement's meaning, answer or time limit. */
const HARMLESS: readonly { readonly why: string; readonly names: readonly string[] }[] = [
  { why: 'a name for people; servers give their own', names: ['application_name'] },
  {
    why: "is a transaction's own: a server refuses to give it to a role",
    names: ['transaction_isolation', 'transaction_deferrable'],
  },
  {
    why: 'says how roles and their passwords are made, which nobody does here',
    names: ['createrole_self_grant', 'password_encryption', 'scram_iterations', 'md5_password_warnings'],
  },
  {
    why: 'says how amounts of the type money are written, which is left to the role, as docs/operations.md tells',
    names: ['lc_monetary'],
  },
  { why: 'loads what is no part of PostgreSQL', names: ['local_preload_libraries'] },
  {
    why: "says what is written to the server's log alone",
    names: [
      'log_parameter_max_length_on_error',
      'debug_pretty_print',
      'debug_print_parse',
      'debug_print_plan',
      'debug_print_rewritten',
      'trace_notify',
      'trace_sort',
    ],
  },
  { why: 'says how CREATE DATABASE copies files', names: ['file_copy_method'] },
  {
    why: 'says how pages are read and written, and never which',
    names: [
      'backend_flush_after',
      'effective_io_concurrency',
      'maintenance_io_concurrency',
      'io_combine_limit',
      'wal_skip_threshold',
      'commit_siblings',
      'gin_pending_list_limit',
    ],
  },
  {
    why: 'is about VACUUM and ANALYZE, which nobody runs here',
    names: [
      'default_statistics_target',
      'vacuum_buffer_usage_limit',
      'vacuum_cost_delay',
      'vacuum_cost_limit',
      'vacuum_cost_page_dirty',
      'vacuum_cost_page_hit',
      'vacuum_cost_page_miss',
      'vacuum_failsafe_age',
      'vacuum_freeze_min_age',
      'vacuum_freeze_table_age',
      'vacuum_max_eager_freeze_failure_rate',
      'vacuum_multixact_failsafe_age',
      'vacuum_multixact_freeze_min_age',
      'vacuum_multixact_freeze_table_age',
      'vacuum_truncate',
    ],
  },
];

const harmless = new Set(HARMLESS.flatMap(({ names }) => names));

/** Of the parameters that a session may set by itself, those that are neither set here nor said to be harmless. */
export function unjudgedSettings(names: readonly string[]): readonly string[] {
  return names.filter((name) => !(name in ODD_SETTINGS) && !harmless.has(name) && !PLAN_SWITCHES.test(name));
}

export interface SettingsChoice {
  /** Which of the odd values: 0, 1 or 2. */
  readonly turn: number;
  /** Parameters that the server has, and the locales. */
  readonly known: ReadonlySet<string>;
  readonly locales: ReadonlySet<string>;
  /** Also those that only a superuser may give. */
  readonly superuser: boolean;
}

/** Settings for a role or a database, as far as the server knows them. */
export function oddSettings({ turn, known, locales, superuser }: SettingsChoice): Readonly<Record<string, string>> {
  const chosen: Record<string, string> = {};
  for (const [name, values] of Object.entries({ ...ODD_SETTINGS, ...(superuser ? ODD_SUPERUSER_SETTINGS : {}) })) {
    const value = values[turn];
    if (value === undefined || !known.has(name)) continue;
    if (name.startsWith('lc_') && !locales.has(value)) continue;
    chosen[name] = value;
  }
  for (const name of known) if (PLAN_SWITCHES.test(name)) chosen[name] = turn === 0 ? 'off' : 'on';
  return chosen;
}
