/** Owns `meridian wan`: the simulated WAN of the running development cluster, from a shell. */
import { type Command } from 'commander';
import { MeridianError } from '../base/errors.ts';
import { readManifest } from '../dev/manifest.ts';
import { WanControl } from '../dev/wan/client.ts';
import { type LinkReport } from '../dev/wan/link.ts';
import { LINK_KINDS, type LinkKind } from '../dev/wan/topology.ts';
import { table } from './output.ts';

interface Flags {
  readonly data: string;
  readonly kind?: string;
  readonly json?: boolean;
  readonly rtt?: string;
  readonly jitter?: string;
}

const MAX_MS = 60_000;

export function registerWan(program: Command): void {
  const wan = program
    .command('wan')
    .description('see and change the simulated delays and cuts between regions of the development cluster')
    .addHelpText('after', '\nExample: meridian wan cut us-east-1 eu-west-1; … ; meridian wan heal us-east-1 eu-west-1');
  const add = (usage: string, description: string): Command =>
    wan
      .command(usage)
      .description(description)
      .option('--data <folder>', 'folder of the development cluster', '.meridian')
      .option('--json', 'print JSON');
  const ofKind = (command: Command): Command =>
    command.option('--kind <kind>', `only links of one kind: ${LINK_KINDS.join(', ')}`);

  add('list', 'list every link with its delay, state, connections and bytes').action(async (flags: Flags) =>
    show(await controlOf(flags).links(), flags),
  );
  ofKind(add('set <a> <b>', 'change the round trip, the jitter or both between two regions'))
    .option('--rtt <ms>', 'round-trip time, milliseconds')
    .option('--jitter <ms>', 'how much a round trip may vary, milliseconds')
    .action(async (a: string, b: string, flags: Flags) => {
      const rttMs = milliseconds('--rtt', flags.rtt);
      const jitterMs = milliseconds('--jitter', flags.jitter);
      if (rttMs === undefined && jitterMs === undefined)
        throw new MeridianError({
          code: 'BAD_USER_INPUT',
          message: 'Nothing was to be changed; give --rtt, --jitter or both.',
        });
      show(
        await controlOf(flags).set(a, b, {
          kind: kindOf(flags),
          ...(rttMs === undefined ? {} : { rttMs }),
          ...(jitterMs === undefined ? {} : { jitterMs }),
        }),
        flags,
      );
    });
  ofKind(add('cut <a> <b>', 'let nothing pass between two regions: connections stall, new ones hang')).action(
    async (a: string, b: string, flags: Flags) => show(await controlOf(flags).cut(a, b, kindOf(flags)), flags),
  );
  ofKind(add('heal <a> <b>', 'let bytes pass again; stalled connections are reset')).action(
    async (a: string, b: string, flags: Flags) => show(await controlOf(flags).heal(a, b, kindOf(flags)), flags),
  );
}

function controlOf({ data }: Flags): WanControl {
  return new WanControl(readManifest(data).wan.control);
}

function kindOf({ kind }: Flags): LinkKind | undefined {
  if (kind === undefined) return undefined;
  const known = LINK_KINDS.find((candidate) => candidate === kind);
  if (known === undefined)
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `--kind ${JSON.stringify(kind)} is no kind of link; there are ${LINK_KINDS.join(', ')}.`,
    });
  return known;
}

function milliseconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= MAX_MS) return value;
  throw new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `${flag} ${JSON.stringify(text)} is no number of milliseconds from 0 to ${MAX_MS}.`,
  });
}

function show(links: readonly LinkReport[], { json }: Flags): void {
  if (json) return console.log(JSON.stringify(links, null, 2));
  const several = links.some(({ cluster }) => cluster !== '');
  const rows = links.map((link) => [
    ...(several ? [link.cluster] : []),
    link.from,
    link.to,
    link.kind,
    link.state,
    `${link.rttMs} ms`,
    `${link.jitterMs} ms`,
    String(link.connections),
    String(link.bytesSent),
    String(link.bytesReceived),
  ]);
  console.log(
    table([
      [
        ...(several ? ['SUBGRAPH'] : []),
        'FROM',
        'TO',
        'KIND',
        'STATE',
        'RTT',
        'JITTER',
        'CONNECTIONS',
        'SENT',
        'RECEIVED',
      ],
      ...rows,
    ]),
  );
}
