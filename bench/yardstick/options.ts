/** Owns what the command is told. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { fileURLToPath } from 'node:url';

export interface Options {
  /** Names of workloads; empty: all of them. */
  readonly only: readonly string[];
  /** Names of servers; empty: all of them. */
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly connections: number;
  /** File for all figures. */
  readonly json: string;
}

const MOST_ROUNDS = 100;
const MOST_SECONDS = 3_600;
const MOST_CONNECTIONS = 1_000;

function between(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= lowest && value <= highest))
      throw new InvalidArgumentError(`It must be a number from ${lowest} to ${highest}.`);
    return value;
  };
}

function whole(highest: number): (text: string) => number {
  return (text) => {
    const value = between(1, highest)(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
    return value;
  };
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/**
 * `workloads`, `peers`: what there is to choose from. `onRequest`: what is measured only if it is named. Ends the
 * process with a sentence when the arguments are wrong.
 */
export function readOptions({
  workloads,
  peers,
  onRequest,
}: {
  readonly workloads: readonly string[];
  readonly peers: readonly string[];
  readonly onRequest: readonly string[];
}): Options {
  const someOf =
    (known: readonly string[]) =>
    (text: string): string[] => {
      const unknown = names(text).filter((name) => !known.includes(name));
      if (unknown.length > 0) throw new InvalidArgumentError(`There is no ${unknown.join(', ')}.`);
      return names(text);
    };
  return new Command('node bench/peers.ts')
    .description(
      'Measures Meridian side by side with the servers that people would use instead, in one run, and says which aims are met.',
    )
    .addOption(
      new Option('--only <names>', `workloads to measure, separated by commas: ${workloads.join(', ')}`)
        .argParser(someOf(workloads))
        .default([], `all but ${onRequest.join(', ')}`),
    )
    .addOption(
      new Option('--peers <names>', `servers to measure: ${peers.join(', ')}`)
        .argParser(someOf(peers))
        .default([], 'all'),
    )
    .option('--rounds <count>', 'rounds; in each every server is measured once', whole(MOST_ROUNDS), 5)
    .option('--seconds <seconds>', 'length of one measurement', between(0.2, MOST_SECONDS), 5)
    .option(
      '--warmup <seconds>',
      'load before the first round that is not counted, for each server',
      between(0, MOST_SECONDS),
      5,
    )
    .option(
      '--connections <count>',
      'connections over which the load comes, one request at a time on each',
      whole(MOST_CONNECTIONS),
      16,
    )
    .option('--json <file>', 'where all figures go', fileURLToPath(new URL('../results/peers.json', import.meta.url)))
    .parse()
    .opts<Options>();
}
