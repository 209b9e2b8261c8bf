/** Owns the options of the application: its files and its region. */
import { option, text } from '../option.ts';

export const APPLICATION_OPTIONS = {
  config: option(text(), {
    default: '',
    group: 'application',
    help: 'JSON file with regions and options; without it, meridian.json in the current folder is read if it is there. Flags and the environment win over it.',
  }),
  region: option(text(), {
    default: '',
    group: 'application',
    help: 'Name of the region that this server runs in; may be left out where only one region is configured.',
  }),
  schema: option(text(), {
    default: './schema',
    group: 'application',
    help: 'Folder with the SDL files of the application.',
  }),
  resolvers: option(text(), {
    default: '',
    group: 'application',
    help: 'TypeScript or JavaScript module with custom resolvers; empty for none.',
  }),
};
