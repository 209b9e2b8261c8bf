/** Owns the option `viewerSettings`: which settings of the database carry which property of the viewer. */
import { z } from 'zod';

/** The properties of the viewer that a setting can carry. */
export const CARRIED = ['id', 'tenant', 'roles'] as const;
export type Carried = (typeof CARRIED)[number];

/** One setting: the property of the viewer that it carries, or its constant text. */
export type ViewerSetting =
  { readonly name: string; readonly carries: Carried } | { readonly name: string; readonly literal: string };

/** The settings in order, or what is wrong with the text: a phrase that follows the option's name. */
export type ParsedViewerSettings = { readonly settings: readonly ViewerSetting[] } | { readonly problem: string };

const ITEM = /^([^=:]*)([=:])(.*)$/s;
const NAME = /^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/i;
/** Settings under this name are Meridian's own. */
const RESERVED = /^meridian(_refuses)?\./i;

/** Whether a setting of that name is allowed: one of the application's own, `class.name`, or `role`. */
export function isSettingName(name: string): boolean {
  return name === 'role' || (NAME.test(name) && !RESERVED.test(name));
}

/** `app.tenant_id=tenant,app.user_id=id,role:app_user`; empty text means no settings. */
export function parseViewerSettings(text: string): ParsedViewerSettings {
  if (text.trim() === '') return { settings: [] };
  const settings: ViewerSetting[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    const read = readItem(item);
    if ('problem' in read) return read;
    // The database compares their names case-insensitively.
    if (settings.some(({ name }) => name.toLowerCase() === read.name.toLowerCase()))
      return { problem: `must give each setting once, and gives ${read.name} twice` };
    settings.push(read);
  }
  return { settings };
}

function readItem(item: string): ViewerSetting | { readonly problem: string } {
  const match = ITEM.exec(item);
  const [name, sign, value] = [match?.[1]?.trim() ?? '', match?.[2], match?.[3]?.trim() ?? ''];
  if (sign === undefined)
    return {
      problem: `must list setting=${CARRIED.join('|')} or setting:literal, comma-separated, and has ${JSON.stringify(item)}`,
    };
  if (!isSettingName(name))
    return {
      problem: `must name settings of the application's own, as in app.tenant_id, or role, and names ${JSON.stringify(name)}`,
    };
  if (sign === ':')
    return name === 'role' && value === '' ? { problem: 'must name a role behind role:' } : { name, literal: value };
  // A role that comes from a token's text could be any role that the server's own role may become.
  if (name === 'role')
    return { problem: `must give role as a literal, as in role:app_user, and has ${JSON.stringify(item)}` };
  const carries = CARRIED.find((one) => one === value);
  return carries
    ? { name, carries }
    : {
        problem: `must carry ${CARRIED.join(', ')} of the viewer, and ${name} asks for ${JSON.stringify(value)} (a literal follows a colon: ${name}:${value})`,
      };
}

export const viewerSettings = (): z.ZodType<string> =>
  z
    .string({ error: 'must be text' })
    .superRefine((text, context) => {
      const parsed = parseViewerSettings(text);
      if ('problem' in parsed) context.addIssue({ code: 'custom', message: parsed.problem });
    })
    .describe('list of setting=id|tenant|roles or setting:literal');
